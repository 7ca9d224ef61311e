"""Read a store and a dataset's index from what docs/design.md says of them.

read_store.py STORE DATASET EXPORT_STEM - compares each row with its block and
with the .npy files that reap export wrote. Knows nothing of reap's code.
"""
import struct
import sys

import lmdb
import numpy as np

DATABASES = "meta rows blocks used ledger errors leases".split()


def pad(n):
    return (n + 7) // 8 * 8


def crc_table():
    for i in range(256):
        for _ in range(8):
            i = i >> 1 ^ (0x82F63B78 if i & 1 else 0)
        yield i


CRC = list(crc_table())


def crc32c(b):
    c = 0xFFFFFFFF
    for x in b:
        c = c >> 8 ^ CRC[(c ^ x) & 255]
    return c ^ 0xFFFFFFFF


def text(b):
    return b.split(b"\0")[0].decode()


def columns_of(b, n):
    """name, kind, h, w, c"""
    for p in range(136, 136 + 64 * n, 64):
        yield (text(b[p:p + 48]), *struct.unpack("<4I", b[p + 48:p + 64]))


def values_of(b, at, ok, columns):
    """By column, (ok, h, w, c), best classes as (ok, c, 2) words"""
    out = {}
    for name, kind, h, w, c in columns:
        dtype = {0: "<f4", 1: "<f2", 2: "<u4"}[kind]
        shape = (ok, c, 2) if kind == 2 else (ok, h, w, c)
        n = int(np.prod(shape))
        out[name] = np.frombuffer(b, dtype, n, at).reshape(shape)
        at += pad(n * np.dtype(dtype).itemsize)
    assert b[at:at + 4] == bytes(4) and at + 8 == len(b), "end of a block"
    return out


def block_of(b):
    magic, version, n_columns, length, rows, ok, strings = struct.unpack(
        "<4sHHQIII", b[:28])
    assert (magic, version, length) == (b"RBLK", 1, len(b))
    if len(b) < 1 << 20:  # plain Python takes seconds for more
        assert struct.unpack("<I", b[-4:])[0] == crc32c(b[:-4]), "checksum"
    columns = list(columns_of(b, n_columns))
    first = 136 + 64 * n_columns
    begin = first + 24 * rows
    found = []
    for i in range(rows):
        slot, at, crc, flags, key, label, reason, status = struct.unpack(
            "<IIIHHHHB", b[first + 24 * i:first + 24 * i + 21])
        s = b[begin + at:begin + at + key + label + reason + 2]
        assert s[key + label] == 0 and s[-1] == 0
        found.append({"slot": slot, "key": s[:key], "crc": crc,
                      "flags": flags, "status": status,
                      "label": s[key:key + label],
                      "reason": s[key + label + 1:-1]})
    at = first + pad(24 * rows + strings)
    return columns, found, values_of(b, at, ok, columns)


def read_store(path):
    env = lmdb.open(path, readonly=True, max_dbs=len(DATABASES), lock=False)
    db = {n: env.open_db(n.encode(), create=False) for n in DATABASES}
    t = env.begin()
    return {n: [(bytes(k), bytes(v)) for k, v in t.cursor(db[n])]
            for n in DATABASES}


def check_rows(s, blocks):
    """Rows against blocks; the values of ok rows by column, in key order"""
    out = {}
    used = dict.fromkeys(blocks, 0)
    errors = []
    for key, v in s["rows"]:
        block, index, crc, flags, status, n = struct.unpack("<QIIHBB", v[:20])
        columns, rows, values = blocks[block]
        row = rows[index]
        assert row["key"] == key and row["label"] == v[20:20 + n]
        assert (row["crc"], row["flags"], row["status"]) == (crc, flags, status)
        used[block] += 1
        if status:
            assert row["slot"] == 0x7FFFFFFF
            errors.append((key, bytes([status]) + row["reason"]))
        else:
            for name, of in values.items():
                out.setdefault(name, []).append(of[row["slot"]])
    assert errors == s["errors"]
    assert [(struct.pack(">Q", k), struct.pack("<I", n))
            for k, n in sorted(used.items())] == s["used"]
    return out


def check_meta(s, blocks):
    meta = dict(s["meta"])
    counts = struct.unpack(f"<{len(meta[b'counts']) // 8}Q", meta[b"counts"])
    assert counts[0] == max(blocks) + 1 and counts[1] == len(blocks)
    for status, n in enumerate(counts[2:]):
        assert n == sum(v[18] == status for _, v in s["rows"])
    assert meta[b"format"] == b"reap-store 1"
    kinds = ["f32", "f16", "top"]
    schema = "".join(f"{kinds[kind]} {h} {w} {c} {name}\n" for
                     name, kind, h, w, c in next(iter(blocks.values()))[0])
    assert meta[b"schema"].decode() == schema
    marker = dict(line.split(b"=", 1) for line in
                  meta[b"complete"].split(b"\n")[:-1])
    assert int(marker[b"keys"]) == len(s["rows"])
    assert marker[b"first"] == s["rows"][0][0]
    for name in ("fingerprint", "made_of", "dataset_id", "dataset_path",
                 "command", "job", "preset", "versions", "created", "hosts"):
        assert name.encode() in meta, name
    for key, line in s["ledger"]:
        shard, block = struct.unpack(">QQ", key)
        assert block in blocks and line.startswith(b"attempt=")


def check_index(path, keys):
    env = lmdb.open(path + "/index.mdb", subdir=False, readonly=True, lock=False)
    data = lmdb.open(path, readonly=True, lock=False).begin()
    records, notes = [], []
    for key, v in env.begin().cursor():
        key, v = bytes(key), bytes(v)
        if key[:1] == b"\0":
            notes.append(key[1:])
            continue
        size, mtime, crc, source, run, n = struct.unpack("<QqIIIH", v[:30])
        assert size == len(data.get(key)) and mtime > 0 and run == 1
        assert n <= len(v) - 30
        assert crc == crc32c(bytes(data.get(key)))
        records.append(key)
    assert records == keys
    assert notes == [b"run", b"source" + bytes(4), b"uuid"], notes


def main(store, dataset, stem):
    s = read_store(store)
    blocks = {struct.unpack(">Q", k)[0]: block_of(b) for k, b in s["blocks"]}
    check_meta(s, blocks)
    values = check_rows(s, blocks)
    for name, of in values.items():
        of = np.array(of)
        if name == "top":
            p = of[:, :, 1].copy().view("<f4")
            assert (p[:, :-1] >= p[:, 1:]).all() and (of[:, :, 0] < 1000).all()
            continue
        want = np.load(f"{stem}.{name}.npy")
        assert np.array_equal(of.astype("f4").reshape(want.shape), want), name
    check_index(dataset, [k for k, _ in s["rows"]])
    print(len(s["rows"]), "rows,", ", ".join(sorted(values)))


main(*sys.argv[1:])
