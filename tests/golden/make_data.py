#!/usr/bin/env python3
"""Makes a data folder of one shard to train on, one to validate with, and a tokenizer: make_data.py OUT_DIR VOCAB TRAIN.bin VAL.bin"""
import os
import shutil
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import golden

out, vocab, train, validation = sys.argv[1:]
shutil.rmtree(out, ignore_errors=True)
os.makedirs(out)
shutil.copy(train, os.path.join(out, "train_000000.bin"))
shutil.copy(validation, os.path.join(out, "val_000000.bin"))
with open(os.path.join(out, "tokenizer.model"), "wb") as file:
    file.write(golden.tokenizer(int(vocab)))
