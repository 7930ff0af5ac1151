"""Checks that the excerpts of a page stand in the files that it names: excerpts.py PAGE.md ROOT"""
import os
import re
import sys

page, root = sys.argv[1:]
with open(page, encoding="utf-8") as file:
    excerpts = re.findall(r"<!-- (\S+) -->\n```\w+\n(.*?)```", file.read(), re.S)
missing = []
for path, text in excerpts:
    with open(os.path.join(root, path), encoding="utf-8") as file:
        if text not in file.read():
            missing.append(f"{path}:\n{text}")
if missing or not excerpts:
    sys.exit(f"{len(missing)} of {len(excerpts)} excerpts of {page} do not stand in their files\n" + "\n".join(missing))
print(f"{len(excerpts)} excerpts stand in their files")
