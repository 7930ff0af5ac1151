#!/usr/bin/env python3
"""Writes plain English texts from Debian's packages dict-gcide, dict-foldoc, dict-jargon and perl-doc into a folder.

usage: texts.py OUT_DIR [MAXIMUM_BYTES_PER_SOURCE]

Dictionary entries and manual pages are unwrapped (a paragraph becomes one line); a blank line ends an entry or a page
section. Bytes that are not UTF-8 stay as they are.
"""
import glob
import gzip
import os
import re
import sys

DICTIONARIES = {"gcide": "dict-gcide", "foldoc": "dict-foldoc", "jargon": "dict-jargon"}


def read(path):
    opener = gzip.open if path.endswith(".dz") else open
    with opener(path, "rb") as file:
        return file.read().decode("utf-8", "surrogateescape")


def unwrap(lines):
    """Joins the lines of each paragraph; paragraphs are separated by blank lines."""
    paragraphs, current = [], []
    for line in lines + [""]:
        if line.strip():
            current.append(line.strip())
        elif current:
            paragraphs.append(re.sub(r"\s+", " ", " ".join(current)))
            current = []
    return paragraphs


def dictionary_entries(text):
    """An entry starts at a line in the first column that follows a blank or an indented one."""
    entry, before = [], ""
    for line in text.split("\n"):
        heads = line[:1].strip() and (not before.strip() or before[:1] in " \t")
        if heads and entry:
            yield entry
            entry = []
        entry.append(line)
        before = line
    yield entry


def manual_sections(text):
    """Sections of a perl manual page: prose only, without verbatim blocks and formatting commands."""
    section = []
    for paragraph in re.split(r"\n\s*\n", text):
        if paragraph.startswith("=head") and section:
            yield section
            section = []
        if paragraph[:1] in " \t" or paragraph.startswith(("=cut", "=over", "=back", "=pod", "=encoding", "=for", "=begin")):
            continue
        plain = re.sub(r"^=\w+\s*", "", paragraph.strip())
        while True:
            shorter = re.sub(r"[A-Z]<([^<>]*)>", r"\1", plain)
            if shorter == plain:
                break
            plain = shorter
        section += [plain, ""]
    yield section


def write(path, entries, limit):
    size = 0
    with open(path + ".part", "wb") as file:
        for lines in entries:
            paragraphs = unwrap(lines)
            if not paragraphs or paragraphs[0].startswith("00-database"):
                continue
            entry = ("\n".join(paragraphs) + "\n\n").encode("utf-8", "surrogateescape")
            if size + len(entry) > limit:
                break
            file.write(entry)
            size += len(entry)
    os.replace(path + ".part", path)
    return size


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    out, limit = sys.argv[1], int(sys.argv[2]) if len(sys.argv) == 3 else 1 << 40
    os.makedirs(out, exist_ok=True)
    for name, package in DICTIONARIES.items():
        path = f"/usr/share/dictd/{name}.dict.dz"
        if not os.path.exists(path):
            sys.exit(f"texts.py: {path} is not there; install the package {package}")
        size = write(os.path.join(out, name + ".txt"), dictionary_entries(read(path)), limit)
        print(f"{name}.txt: {size:,} bytes")
    pages = sorted({os.path.realpath(page) for page in glob.glob("/usr/share/perl/*/pod/*.pod")})
    if not pages:
        sys.exit("texts.py: no perl manual pages; install the package perl-doc")
    sections = (section for page in pages for section in manual_sections(read(page)))
    size = write(os.path.join(out, "perl.txt"), sections, limit)
    print(f"perl.txt: {size:,} bytes")


if __name__ == "__main__":
    main()
