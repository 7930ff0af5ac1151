"""Writes random tokens: shards.py OUT.bin VOCAB COUNT"""
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden"))
import safetensors

path, vocab, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
numbers = random.Random(1)
safetensors.save_shard(path, [numbers.randrange(vocab) for _ in range(count)])
