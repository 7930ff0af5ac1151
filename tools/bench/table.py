"""What was measured: rows of ours beside the peer's modes, and of what the machine can do."""
import json


class Table:
    """`path`: where it is saved, .json and .txt, whenever something is added."""

    def __init__(self, path=None):
        self.path, self.rows, self.notes, self.limits = path, [], [], {}

    def add(self, name, numerics, unit, values, higher=True, flops=None):
        """`values`: {"ours" or a mode: number}. `flops` of one unit, where values are rates of it. What ours in "autocast" gave becomes
        a row of its own beside the same of the peer."""
        narrow = values.get("autocast")
        values = {label: value for label, value in values.items() if label != "autocast"}
        self.rows.append({"name": name, "numerics": numerics, "unit": unit, "values": values, "higher": higher, "flops": flops})
        print(self.line(self.rows[-1]), flush=True)
        self.save()
        if narrow is not None:
            self.add(name, "autocast", unit, values | {"ours": narrow}, higher, flops)

    def note(self, text):
        self.notes.append(text)
        print(text, flush=True)
        self.save()

    @staticmethod
    def ratio(row):
        """How many times better ours is than the best of the peer's modes, or None."""
        peers = [value for label, value in row["values"].items() if label != "ours"]
        if not peers or "ours" not in row["values"]:
            return None
        return row["values"]["ours"] / max(peers) if row["higher"] else min(peers) / row["values"]["ours"]

    def shares(self, row):
        """What part of the product rate of this run's machine each side reaches."""
        limit = self.limits.get(f"product_{'f32' if row['numerics'] == 'f32' else 'bf16'}_gflops")
        if not row["flops"] or not limit:
            return {}
        return {label: value * row["flops"] / 1e9 / limit for label, value in row["values"].items()}

    def line(self, row):
        values = "".join(f"{row['values'][label]:12.4g}" if label in row["values"] else " " * 11 + "-"
                         for label in ("ours", "eager", "compile"))
        ratio = self.ratio(row)
        shares = self.shares(row)
        text = f"{row['name']:<38} {row['numerics']:<9}{row['unit']:<11}{values}"
        text += f"{ratio:9.2f}" if ratio else " " * 8 + "-"
        return text + "".join(f"{100 * shares[label]:7.1f} %" for label in ("ours", "eager", "compile") if label in shares)

    def text(self):
        head = f"{'':<38} {'':<9}{'':<11}{'ours':>12}{'eager':>12}{'compile':>12}{'ratio':>9}   share of the product rate"
        limits = [f"{name:<38} {value:10.1f}" for name, value in self.limits.items()]
        return "\n".join([*limits, "", head, *map(self.line, self.rows), "", *self.notes, ""])

    def save(self):
        if not self.path:
            return
        rows = [row | {"ratio": self.ratio(row), "shares": self.shares(row)} for row in self.rows]
        with open(self.path + ".json", "w") as file:
            json.dump({"limits": self.limits, "rows": rows, "notes": self.notes}, file, indent=1)
        with open(self.path + ".txt", "w") as file:
            file.write(self.text())
