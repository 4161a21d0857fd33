"""核对摇号结果 / Recompute a nursery draw of 小驼帮办 from the files that it published.

用法 Usage:  python3 verify_draw.py result.json [frozen.json]

result.json 是公布的结果；frozen.json 是您在摇号前保存的冻结名单，也可以写当时记下的 SHA-256（64 位）。
The second argument is the frozen list as you saved it before the draw, or its SHA-256 as you noted it down.
Only Python's standard library, and nothing of the program that made the draw.
"""

import hashlib
import hmac
import json
import re
import sys


def canonical(value):
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def sha256(value):
    return hashlib.sha256(canonical(value)).hexdigest()


def keyed(key, text):
    return hmac.new(bytes.fromhex(key), text.encode(), "sha256").hexdigest()


def seats_of(programme):
    """The kinds of seats in the order in which they choose: the reserves as they are listed, then the open ones."""
    many = [reserve["seats"] for reserve in programme["reserves"]]
    if min([*many, programme["seats"] - sum(many)]) < 0:
        raise ValueError("more seats are reserved than there are")
    return [*programme["reserves"], {"group": "", "seats": programme["seats"] - sum(many), "then": []}]


def choose(programme, asking):
    """Fill the seats of one programme out of who asks; in each group the lower number comes first."""
    left, chosen = sorted(asking, key=lambda child: child["number"]), []
    for kind in seats_of(programme):
        free = kind["seats"]
        for group in [kind["group"], *kind["then"]]:
            taken = [child for child in left if group == "" or group in child["groups"]][:free]
            ids = {child["id"] for child in taken}
            left = [child for child in left if child["id"] not in ids]
            chosen += [(child, kind["group"]) for child in taken]
            free -= len(taken)
    return chosen, left


def allocate(programmes, children):
    """Gale and Shapley: whoever has no seat asks for the next wish; each programme keeps whom it would choose."""
    wishes = {child["id"]: iter(child["ranks"]) for child in children}
    held = {programme["id"]: [] for programme in programmes}
    free = children
    while free:
        asking = {id: [] for id in [*held, None]}
        for child in free:
            asking[next(wishes[child["id"]], None)].append(child)
        free = []
        for programme in programmes:
            if asking[programme["id"]]:
                everybody = [child for child, _ in held[programme["id"]]] + asking[programme["id"]]
                held[programme["id"]], sent_away = choose(programme, everybody)
                free += sent_away
    return {child["id"]: (id, kind) for id, children in held.items() for child, kind in children}


def checks(result, saved):
    """Yield for each thing that is checked whether it is so, and what it is."""
    frozen, children = result["frozen"], result["results"]
    yield frozen["format"] == "xiaotuo-draw-1", "文件是本程序认识的格式", "the file has the format that this page knows"
    if saved is not None:
        said = saved if isinstance(saved, str) else sha256(saved)
        yield said == sha256(frozen), "冻结名单就是您保存的那一份", "the frozen list is the one that you saved"
    yield sha256(frozen) == result["frozen_sha256"], "冻结名单的 SHA-256 相符", "the frozen list has the SHA-256 named"
    ids = [id for id, _ in frozen["applicants"]]
    opened = sorted([one["id"], sha256([one["id"], one["salt"], one["groups"], one["ranks"]])] for one in children)
    same = opened == frozen["applicants"] and len(ids) == len(set(ids))
    yield same, "每个孩子恰好一次，志愿和优先资格与冻结时相同", "each child once, with choices and groups as frozen"
    seed = keyed(sha256(frozen), result["public_value"])
    yield seed == result["seed"], "种子由冻结名单和公开数值算出", "the seed follows from list and public value"
    numbers = [keyed(seed, one["id"]) for one in children]
    right = numbers == [one["number"] for one in children] == sorted(numbers)
    yield right, "每个号码由种子算出，按号码排列", "each number follows from the seed, in their order"
    seats = allocate(frozen["programmes"], children)
    whole = {name: result[name] for name in ("frozen", "frozen_sha256", "public_value", "seed", "results")}
    whole["results"] = [
        {name: one[name] for name in ("id", "salt", "groups", "ranks", "number")}
        | dict(zip(("outcome", "seat"), seats.get(one["id"], (None, None))))
        for one in children
    ]
    yield canonical(whole) == canonical(result), "每个名额都按规则分配", "every place was given as the rules say"


def once(pairs):
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a name stands twice")
    return dict(pairs)


def read(path):
    with open(path, encoding="utf-8-sig") as file:
        return json.load(file, object_pairs_hook=once)


def main(path, saved=None):
    noted = (saved or "").strip().lower()
    try:
        if saved is not None:
            saved = noted if re.fullmatch("[0-9a-f]{64}", noted) else read(saved)
        result, good = read(path), True
        for right, chinese, english in checks(result, saved):
            print("✓ 是" if right else "✗ 不符 NOT SO:", chinese, "·", english)
            good = good and right
        print("名单 SHA-256 of the frozen list:", sha256(result["frozen"]))
        print("公开数值 Public value:", result["public_value"])
        print("数值来源 It had to come from:", result["frozen"]["value_source"], "·", result["frozen"]["value_due_at"])
    except Exception as error:  # whatever may be wrong with a file that is not one of those published
        print(f"✗ 文件打不开，或不是公布的格式 The file cannot be read, or is not as published: {error!r}"[:300])
        return 1
    print("数值请亲自与来源比对。Compare the value with its source yourself.")
    if saved is None:
        print("SHA-256 请亲自与摇号前公布的比对。Compare the SHA-256 with the one published before the draw.")
    if not good:
        print("✗ 结果与规则不符。The result is NOT as the rules say.")
        return 1
    print(f"✓ {len(result['results'])} 名儿童全部核对无误。All children are checked: the result is as the rules say.")
    return 0


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="replace")
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
