"""Lexer and parser of the language: a file becomes a list of nodes."""
import re

WORDS = set("include let fn param state switch assert output return if then else for in under override and or not model loss "
            "train quantize pack evaluate".split())
SECTIONS = ("model", "loss", "train", "quantize", "pack", "evaluate")
TOKEN = re.compile(r"""(?P<space>[ \t\r\n]+|\#[^\n]*)|(?P<number>\d[\d_]*(?:\.(?!\.)\d[\d_]*)?(?:[eE][+-]?\d+)?)
  |(?P<name>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)|(?P<string>"[^"\n]*")
  |(?P<op>\.\.\.|\.\.|=>|==|!=|<=|>=|//|[-+*/%^@<>=()\[\]{},;:])""", re.X)


class LanguageError(Exception):
    pass


class Place:
    """A position in a file."""

    def __init__(self, file, text, position):
        self.file, self.text, self.position = file, text, position

    def fail(self, message):
        line = self.text.count("\n", 0, self.position) + 1
        column = self.position - self.text.rfind("\n", 0, self.position)
        raise LanguageError(f"{self.file}:{line}:{column}: error: {message}\n  {self.text.splitlines()[line - 1]}")


class Node:
    def __init__(self, kind, place, **fields):
        self.kind, self.place = kind, place
        self.__dict__.update(fields)


class Token:
    def __init__(self, kind, text, place):
        self.kind, self.text, self.place = kind, text, place


def lex(file, text):
    tokens, position = [], 0
    while position < len(text):
        match = TOKEN.match(text, position)
        place = Place(file, text, position)
        if not match:
            place.fail(f"unexpected character '{text[position]}'")
        kind = match.lastgroup
        if kind != "space":
            tokens.append(Token("word" if match.group() in WORDS else kind, match.group(), place))
        position = match.end()
    tokens.append(Token("end", "", Place(file, text, max(0, len(text) - 1))))
    return tokens


class Parser:
    def __init__(self, file, text):
        self.tokens, self.next = lex(file, text), 0

    @property
    def token(self):
        return self.tokens[self.next]

    def at(self, *texts):
        return self.token.text in texts and self.token.kind != "string"

    def take(self):
        self.next += 1
        return self.tokens[self.next - 1]

    def accept(self, text):
        return self.take() if self.at(text) else None

    def expect(self, text):
        if not self.at(text):
            self.token.place.fail(f"expected '{text}', found '{self.token.text}'")
        return self.take()

    def name(self):
        if self.token.kind != "name":
            self.token.place.fail(f"expected a name, found '{self.token.text}'")
        return self.take().text

    def string(self):
        return self.take().text[1:-1]

    def sequence(self, closing, element):
        """Elements between commas; the closing token is taken."""
        result = []
        while not self.at(closing):
            result.append(element())
            if not self.accept(","):
                break
        self.expect(closing)
        return result

    # ---- definitions and statements
    def file(self):
        definitions = []
        while self.token.kind != "end":
            place = self.token.place
            override = bool(self.accept("override"))
            if self.accept("include"):
                definitions.append(Node("include", place, path=self.string()))
                self.expect(";")
            elif self.at(*SECTIONS):
                name = self.take().text
                definitions.append(Node("section", place, name=name, override=override, body=self.block()))
            elif self.at("let", "fn", "param", "assert"):
                for node in self.statement():
                    node.override = override
                    definitions.append(node)
            else:
                place.fail(f"expected a definition or a section, found '{self.token.text}'")
        return definitions

    def block(self):
        self.expect("{")
        statements = []
        while not self.at("}"):
            statements += self.statement()
        self.expect("}")
        return statements

    def statement(self):
        place, word = self.token.place, self.token.text if self.token.kind == "word" else ""
        method = getattr(self, "parse_" + word, None)
        if method:
            self.take()
            return method(place)
        return self.item(place)

    def parse_let(self, place):
        result = []
        while True:
            if self.accept("["):
                names, single = self.sequence("]", self.name), False
            else:
                names, single = [self.name()], True
            if self.accept(":"):
                self.expect("[")
                self.sequence("]", self.element)  # patterns are the front end's to check
            self.expect("=")
            result.append(Node("let", place, names=names, single=single, value=self.expression()))
            if not self.accept(","):
                break
        self.expect(";")
        return result

    def parse_fn(self, place):
        name = self.name()
        self.expect("(")
        formals = self.sequence(")", self.formal)
        prefix = self.expression() if self.accept("under") else None
        return [Node("fn", place, name=name, formals=formals, prefix=prefix, body=self.block())]

    def formal(self):
        name = self.name()
        if self.accept(":"):
            self.expect("[")
            self.sequence("]", self.element)
        return name

    def parse_param(self, place):
        name = self.name()
        path = self.string() if self.token.kind == "string" else name
        self.expect(":")
        shape = self.expression()
        self.expect("=")
        init = self.expression()
        self.expect("in")
        group = self.name()
        self.expect(";")
        return [Node("param", place, name=name, path=path, shape=shape, init=init, group=group)]

    def parse_state(self, place):
        name = self.name()
        self.expect(":")
        shape = self.expression()
        self.expect("=")
        init = self.expression()
        self.expect("then")
        value = self.expression()
        self.expect(";")
        return [Node("state", place, name=name, shape=shape, init=init, value=value)]

    def parse_assert(self, place):
        condition = self.expression()
        self.expect(",")
        message = self.string()
        self.expect(";")
        return [Node("assert", place, condition=condition, message=message)]

    def named(self, kind, place):
        name = self.name()
        self.expect("=")
        value = self.expression()
        self.expect(";")
        return [Node(kind, place, name=name, value=value)]

    def parse_output(self, place):
        return self.named("output", place)

    def parse_switch(self, place):
        return self.named("switch", place)

    def parse_return(self, place):
        value = self.expression()
        self.expect(";")
        return [Node("return", place, value=value)]

    def parse_if(self, place):
        condition = self.expression()
        if self.at("then"):  # an expression as an item's beginning
            place.fail("an expression cannot stand here")
        then = self.block()
        otherwise = []
        if self.accept("else"):
            otherwise = self.statement() if self.at("if") else self.block()
        return [Node("if", place, condition=condition, then=then, otherwise=otherwise)]

    def item(self, place):
        """A setting or a rule of a section, or `inherited();`."""
        left = self.expression()
        if not self.accept("=>"):
            self.expect(";")
            return [Node("setting", place, call=left)]
        right = self.expression()
        body = self.block() if self.at("{") else self.expect(";") and None
        return [Node("rule", place, who=left, what=right, body=body)]

    # ---- expressions
    BINARY = [("or",), ("and",)]

    def expression(self):
        if self.at("if"):
            place = self.take().place
            condition = self.expression()
            self.expect("then")
            then = self.expression()
            self.expect("else")
            return Node("choice", place, condition=condition, then=then, otherwise=self.expression())
        return self.logic(0)

    def logic(self, level):
        if level == len(self.BINARY):
            return self.negation()
        left = self.logic(level + 1)
        while self.at(*self.BINARY[level]):
            op = self.take()
            left = Node("binary", op.place, op=op.text, left=left, right=self.logic(level + 1))
        return left

    def negation(self):
        if self.at("not"):
            return Node("not", self.take().place, operand=self.negation())
        left = self.range()
        if self.at("==", "!=", "<", "<=", ">", ">="):
            op = self.take()
            return Node("binary", op.place, op=op.text, left=left, right=self.range())
        return left

    def range(self):
        left = self.sum()
        if self.at(".."):
            place = self.take().place
            right = None if self.at("]", ",") else self.sum()
            return Node("range", place, begin=left, end=right)
        return left

    def chain(self, ops, operand):
        left = operand()
        while self.at(*ops):
            op = self.take()
            left = Node("binary", op.place, op=op.text, left=left, right=operand())
        return left

    def sum(self):
        return self.chain(("+", "-"), self.term)

    def term(self):
        return self.chain(("*", "/", "//", "%", "@"), self.unary)

    def unary(self):
        if self.at("-"):
            return Node("negative", self.take().place, operand=self.unary())
        base = self.postfix()
        if self.at("^"):
            op = self.take()
            return Node("binary", op.place, op="^", left=base, right=self.unary())
        return base

    def postfix(self):
        value = self.primary()
        while True:
            if self.accept("("):
                value = Node("call", value.place, callee=value, arguments=self.sequence(")", self.actual))
            elif self.accept("["):
                value = Node("index", value.place, value=value, indices=self.sequence("]", self.element))
            else:
                return value

    def actual(self):
        if self.token.kind == "name" and self.tokens[self.next + 1].text == "=":
            name = self.name()
            self.take()
            return name, self.expression()
        return None, self.expression()

    def element(self):
        return Node("ellipsis", self.take().place) if self.at("...") else self.expression()

    def primary(self):
        token = self.take()
        if token.kind == "number":
            text = token.text.replace("_", "")
            return Node("number", token.place, value=float(text) if re.search(r"[.eE]", text) else int(text))
        if token.kind == "string":
            return Node("string", token.place, value=token.text[1:-1])
        if token.kind == "name":
            return Node("name", token.place, name=token.text)
        if token.text == "(":
            value = self.expression()
            self.expect(")")
            return value
        if token.text == "[":
            if self.accept("for"):
                name = self.name()
                self.expect("in")
                values = self.expression()
                self.expect(":")
                element = self.expression()
                self.expect("]")
                return Node("comprehension", token.place, name=name, values=values, element=element)
            return Node("list", token.place, elements=self.sequence("]", self.element))
        token.place.fail(f"expected an expression, found '{token.text}'")
