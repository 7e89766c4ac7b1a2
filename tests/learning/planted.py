"""Personal data and secrets to plant, each made up; and ordinary sentences that look a little like them."""

from __future__ import annotations

import random
import string

from stdnum import luhn

from tests.learning.company import Row, row

LETTERS, DIGITS, BASE62 = string.ascii_lowercase, string.digits, string.ascii_letters + string.digits

PHONES = """
+49 170 1234567|+49 (0)30 901820|+1 (202) 555-0143|+1-202-555-0143|+12025550143|(555) 123-4567|555-123-4567|
555.123.4567|202 555 0143|1-800-555-0199|020 7946 0958|07700 900123|07700900123|06 12 34 56 78|01.23.45.67.89|
+33 6 12 34 56 78|0033612345678|0170/1234567|0170 123 45 67|089 12345678|(0351) 4965-0|030-1234567|03-1234-5678|
090-1234-5678|+81 90-1234-5678|13812345678|138 1234 5678|138-1234-5678|+86 138 1234 5678|98765 43210|
+91 98765 43210|+44 20 7946 0958|+34 612 345 678|+39 06 698 12345|+61 412 345 678|2025550143
""".replace("\n", "").split("|")
IBANS = """
DE89 3704 0044 0532 0130 00|DE89370400440532013000|GB82 WEST 1234 5698 7654 32|FR14 2004 1010 0505 0001 3M02 606|
ES91 2100 0418 4502 0005 1332|NL91 ABNA 0417 1643 00|CH93 0076 2011 6238 5295 7|AT61 1904 3002 3457 3201|
BE68 5390 0754 7034|IT60 X054 2811 1010 0000 0123 456|PL61 1090 1014 0000 0712 1981 2874|de89 3704 0044 0532 0130 00
""".replace("\n", "").split("|")
ADDRESSES = """
192.168.1.23|10.0.0.5|8.8.8.8|203.0.113.77|172.16.254.1|100.64.0.9|198.51.100.200|2001:db8::8a2e:370:7334|
2001:0db8:85a3:0000:0000:8a2e:0370:7334|fe80::1ff:fe23:4567:890a|::ffff:203.0.113.5|00:1A:2B:3C:4D:5E
""".replace("\n", "").split("|")
MENTIONS = """
<@123456789012345678>|<@!123456789012345678>|<@&987654321098765432>|<#112233445566778899>|<@U012ABCDEF>|
<@U012ABCDEF|ann>|<!subteam^S012345>|@ann_smith|@bob.miller|123456789012345678|<mailto:ann@example.org|ann>
""".replace("\n", "").split("|ann>")
MAILS = """
ann@example.org|ann.smith+news@mail.example.co.uk|ANN_SMITH@EXAMPLE.COM|a@b.io|o'neil@example.ie|用户@example.cn|
ann (at) example (dot) org|ann [at] example [dot] com|ann at example dot com|j.doe99@sub.domain.example
""".replace("\n", "").split("|")
LINKS = """
https://example.org/reset?token=abc123|http://shop.example/cart?user=ann&id=77|https://ann:hunter22@example.org/x|
www.example.org/a?session=99f|https://example.org/#access_token=zzz|https://maps.example/?q=Ann%20Smith|
https://discord.com/api/webhooks/12345/abcdef-ghi|https://hooks.slack.com/services/T000/B000/XXXX|
postgresql://parley:s3cret@db.internal/parley
""".replace("\n", "").split("|")
IDS = ["078-05-1120", "219-09-9999"]


def cards(rng: random.Random, number: int) -> list[str]:
    """Numbers that pass Luhn, written as people write them."""
    made = []
    for at in range(number):
        start, length = rng.choice([("4", 16), ("51", 16), ("37", 15), ("6011", 16), ("2221", 16), ("30", 14)])
        body = start + "".join(rng.choice(DIGITS) for _ in range(length - len(start) - 1))
        digits = body + luhn.calc_check_digit(body)
        made.append(digits if at % 3 == 0 else ("- "[at % 2]).join(digits[i : i + 4] for i in range(0, length, 4)))
    return made


def secrets(rng: random.Random) -> list[str]:
    """Tokens in the shapes their makers give them."""

    def run(length: int, alphabet: str = BASE62) -> str:
        return "".join(rng.choice(alphabet) for _ in range(length))

    return [
        f"sk-{run(40)}", f"sk-proj-{run(48)}", f"xoxb-{run(12, DIGITS)}-{run(24)}", f"xapp-1-{run(30)}",
        f"ghp_{run(36)}", f"github_pat_{run(40)}", f"glpat-{run(20)}", f"hf_{run(34)}",
        f"AKIA{run(16, 'ABCDEF234567')}",
        f"M{run(23)}.{run(6)}.{run(30)}", f"eyJ{run(20)}.eyJ{run(30)}.{run(40)}", f"AIza{run(35)}",
        f"sk_live_{run(24)}", f"whsec_{run(32)}", f"npm_{run(36)}", f"SG.{run(22)}.{run(43)}",
        f"AC{run(32, '0123456789abcdef')}", run(40, "0123456789abcdef"), run(40) + "aB3", f"{run(9, DIGITS)}:{run(35)}",
        "hunter2!x", "Tr0ub4dor&3",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIE" + run(60) + "\n-----END RSA PRIVATE KEY-----",
    ]  # fmt: skip


SENTENCES = (
    "You can reach us with {} at any time.", "Yesterday I wrote {}, and nobody answered.", "{}", "Is {} still right?",
    "Mine: {}.", "Please use {} for the order, thank you.", "我的是 {} 。", "C'est {} ou pas ?",
)  # fmt: skip


def planted(seed: int = 7) -> list[tuple[str, str]]:
    """At least 200 pairs of what is planted and the text it stands in."""
    rng = random.Random(seed)
    things = [*PHONES, *IBANS, *ADDRESSES, *(one for one in MENTIONS if one), *MAILS, *LINKS, *IDS, *cards(rng, 40)]
    keyed = [f"password: {one}" if one in ("hunter2!x", "Tr0ub4dor&3") else one for one in secrets(rng)]
    pairs = [(one, rng.choice(SENTENCES).replace("{}", one)) for one in [*things, *keyed, *secrets(rng)[:20]]]
    pairs += [(one, f"{one} is how you reach me, not {one}") for one in rng.sample(things, 40)]
    return pairs


def rows_with(pairs: list[tuple[str, str]]) -> list[Row]:
    """Each thing somewhere in a row: in its question, answer, correction, earlier words, names or options."""
    rows = []
    for number, (thing, text) in enumerate(pairs):
        asked, better, answer = f"What is said in line {number}?", f"Line {number} says this.", f"Line {number}."
        where = number % 7
        one = row(text if where == 0 else asked, text if where == 1 else better, "a")
        one["answer"] = text if where == 2 else answer
        if where == 3:
            one["prompt"] = [
                {"role": "user", "content": text},
                {"role": "assistant", "content": "Yes."},
                *one["prompt"],
            ]
        one["author"] = thing if where == 4 else "a"
        one["reviewers"] = [thing, "m", "n"] if where == 5 else ["m", "n"]
        one["options"] = {"note": text} if where == 6 else {}
        one["remark"] = text
        rows.append(one)
    return rows


ORDINARY = """
The shop opens at 9:30 and closes at 18:00 from Monday to Friday.
Version 3.11.4 came out on 2023-06-06, and 3.12.0 on 2023-10-02.
In 2024 we had 1,250,000 visitors, 12.5 % more than in 2023.
The chapter is on pages 120-135 of the second volume.
Set the port to 8080 and open http://127.0.0.1:8080 in your browser.
The server listens on 0.0.0.0 unless you say otherwise.
Our office is on the 3rd floor, room 3.14.
The meeting is on 24.12.2026 at 10:15 in room 204.
It took 1 234 567 steps to finish the run.
Add 250 g of flour, 3 eggs and 120 ml of milk.
The ratio is 16:9, sometimes 4:3 or 21:9.
Use std::vector instead of a raw array.
Call the function with two arguments and it returns a list.
He scored 6-4, 7-5 in the final.
The ISBN of the book is 978-3-16-148410-0.
Order 4711 was sent on 03/04/2026 and arrives in 3-5 days.
The sum of 1000000000 and 1 is 1000000001.
Python's decorator @property makes a method look like an attribute.
Write @everyone only when it matters to all.
Install it with npm install @types/node and restart.
The password is too short, choose a longer one.
Your token has expired; sign in again.
A good password has at least twelve characters.
My favourite token is the silver one in the game.
The secret is to let the dough rest overnight.
See https://docs.example.org/guide/install for the steps.
The path is /usr/local/lib/python3.11/site-packages/example.
The temperature rose from -12.5 to 3.75 degrees.
Flight LH 1234 leaves at 06:45 from gate B12.
The article cites RFC 2616, RFC 7231 and ISO 8601.
Bus 0815 runs every 20 minutes until 23:40.
The budget is $1,200,000 for 2025/2026.
They won 102-98 after extra time.
The coordinates are 52.5200 N and 13.4050 E.
Press Ctrl+Shift+P and type the command's name.
The colour is #ff8800 and the border is 2px wide.
Chapter 12, verse 5, line 1024, column 80.
The years 1914-1918 and 1939-1945 changed Europe.
Pi is about 3.14159265358979.
Use 192 kHz at 24 bit, or 44.1 kHz at 16 bit.
We met at 5 pm at the station and left at 6.
Kilometre 42.195 is where the marathon ends.
Die Rechnung vom 01.02.2026 beträgt 1.234,56 Euro.
La réunion est le 14/07/2026 à 14h30, salle 12.
我们在2026年11月24日上午9点半开会。
注文番号は4711で、3〜5日で届きます。
The DNA string is ACGTACGTTAGC and it repeats.
Supercalifragilisticexpialidocious is a long word.
Donaudampfschifffahrtsgesellschaftskapitän is a longer one.
Rename the file to report_final_version_2_reviewed.docx please.
""".strip().split("\n")
