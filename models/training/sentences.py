"""Sentences for training and scoring: templates over the lexicon, and random words.

A model trained on sentences alone learns the language and stops listening, so most of the
training text is random words; the sentences teach what usually follows what, and the style
(a capital at the start, a full stop or question mark at the end).
"""

import hashlib
import random
from dataclasses import dataclass

from models.training import lexicon as lx


@dataclass(frozen=True)
class Line:
    """What is said: `text` as it is written, `speech` as the synthesiser is given it."""

    language: str
    text: str
    speech: str


def number(rng: random.Random) -> str:
    """A spoken number below a thousand."""
    kind = rng.random()
    if kind < 0.3:
        return rng.choice(lx.ONES[1:])
    if kind < 0.45:
        return rng.choice(lx.TEENS)
    if kind < 0.75:
        return rng.choice(lx.TENS) + (f" {rng.choice(lx.ONES)}" if rng.random() < 0.6 else "")
    tail = f" and {rng.choice(lx.TENS)}" if rng.random() < 0.5 else ""
    return f"{rng.choice(lx.ONES)} hundred{tail}"


ENGLISH_TEMPLATES = """
good {daypart} everyone and welcome to the meeting.
let us start with the {matter}.
let us {action} the {matter} {when}.
{name} will {action} the {matter} {when}.
please {action} the {matter} before {day}.
please send the {matter} to {name}.
the {matter} is {quality}.
the {matter} is not {quality} but the {matter} is {quality}.
we need {number} more {unit} for the {matter}.
we need a {quality} {matter} for the {person}.
can you {action} the {matter} {when}?
what is the {matter} for {month}?
when will the {matter} be ready?
who will {action} the {matter}?
where is the {place}?
why is the {matter} so {quality}?
how much is the {matter}?
I think the {matter} is too {quality}.
I have a question about the {matter}.
our {person} wants the {matter} in {number} {unit}.
the {person} was in the {place} {when}.
the price is {number} thousand.
the number is {digits}.
the {ordinal} question is about the {matter}.
we had {number} percent more in {month}.
thank you {name}.
thank you very much everyone and goodbye.
thanks {name} that was very clear.
yes I agree with {name}.
no I do not agree.
okay {name} what do you think?
sorry I was late {when}.
{name} and {name} will work on the {matter} {when}.
the next meeting is on {day} at {clock}.
we will move the meeting to {day} {daypart}.
there is a problem with the {matter}.
did you call the {person} {when}?
she will give the {matter} to our {person}.
he has not started the {matter}.
they have a {quality} {matter} and a {quality} {matter}.
the patient has {degree} {symptom} in the {body}.
the patient has a history of {illness}.
the patient has had {symptom} for {number} days.
blood pressure is {number} over {number}.
temperature is {number} point {ones} and pulse is {number}.
the {examination} of the {body} was {degree}.
give {number} milligrams of {drug} {often}.
please give {drug} {often} for {number} days.
she takes {drug} every {daypart}.
he takes {number} tablets of {drug} {often}.
there is no {symptom} and no {symptom}.
there is {degree} {symptom} in the {side} {body}.
we should start {drug} {when}.
the doctor will see the patient {when}.
the nurse will check the blood pressure every {number} hours.
no allergy to {drug}.
diagnosis is {degree} {illness}.
the {side} {body} is {degree}.
after the {examination} the patient was stable.
does the patient have {illness} or {illness}?
we need a {examination} of the {side} {body} {when}.
her {symptom} is {degree} and her pulse rate is {number}.
""".strip().split("\n")

MANDARIN_TEMPLATES = """
大家 好
你好 {surname} {title}
我们 {when} 开会
我们 {when} 讨论 {matter}
请 准备 {matter}
{matter} 已经 完成
{matter} 没有 问题
{matter} 很 重要
{person} 需要 {matter}
会议 {when} 开始
会议 {when} {hour} 点 结束
{surname} {title} 是 我们 的 {person}
{surname} {title} 在 公司
价格 是 {count} 千
我们 有 {count} 分钟 的 时间
第 {digit} 的 问题 是 {matter}
病人 有 {symptom} 和 {symptom}
病人 没有 {symptom}
病人 {symptom} {count} 天
血压 很 正常
体温 是 {count} 点 {digit}
病人 需要 {care}
{when} 可以 {care}
请 吃 {count} 毫克 的 药物
医生 {when} 检查 病人 的 {body}
护士 应该 检查 {body}
{symptom} 不 严重
{month} 月 {count} 号 有 手术
{care} 已经 结束
谢谢 {surname} {title} 再见
""".strip().split("\n")


def _english_slots(rng: random.Random) -> dict[str, str]:
    weekday = f"on {rng.choice(lx.DAYS)}"
    return {
        "daypart": rng.choice(["morning", "afternoon", "evening"]),
        "when": rng.choice(
            ["today", "tomorrow", "yesterday", "now", "later", "this week", "next month", "this year", weekday]
        ),
        "ordinal": rng.choice(lx.ORDINALS),
        "unit": rng.choice(["days", "hours", "minutes", "people"]),
        "clock": f"{rng.choice(lx.ONES + lx.TEENS[:3])}{rng.choice([' thirty', ' fifteen', ''])}",
        "digits": " ".join(rng.choice(["zero", *lx.ONES]) for _ in range(rng.randint(3, 6))),
        "ones": rng.choice(lx.ONES),
        "often": rng.choice(
            ["daily", "twice daily", "every morning", "every evening", f"every {rng.choice(lx.ONES[1:])} hours"]
        ),
        "side": rng.choice(["left", "right"]),
        "day": rng.choice(lx.DAYS),
        "month": rng.choice(lx.MONTHS),
    }


_ENGLISH_CHOICES = {
    "matter": lx.MATTERS, "person": lx.PEOPLE, "place": lx.PLACES, "action": lx.ACTIONS, "quality": lx.QUALITIES,
    "name": lx.NAMES, "degree": lx.DEGREES, "symptom": lx.SYMPTOMS, "body": lx.BODY, "illness": lx.ILLNESSES,
    "drug": lx.DRUGS, "examination": lx.EXAMINATIONS,
}  # fmt: skip
_MANDARIN_CHOICES = {
    "when": ["今天", "明天", "昨天", "上午", "下午", "晚上", "现在"],
    "matter": ["项目", "预算", "报告", "合同", "计划", "价格", "产品", "市场", "电话", "邮件"],
    "person": ["客户", "经理", "同事", "医生", "病人"],
    "surname": ["张", "李", "王", "陈", "刘"],
    "title": ["先生", "女士", "医生", "经理"],
    "symptom": ["头痛", "发烧", "咳嗽", "感染", "过敏", "糖尿病"],
    "body": ["血压", "心脏", "体温"],
    "care": ["手术", "检查", "治疗"],
    "hour": list("一二三四五六七八九十"),
    "digit": list("一二三四五六七八九"),
    "month": list("一二三四五六七八九十"),
}
_MANDARIN_DIGITS = list("一二三四五六七八九")


def _mandarin_count(rng: random.Random) -> str:
    ones, tens = rng.choice(_MANDARIN_DIGITS), rng.choice(_MANDARIN_DIGITS)
    return rng.choice([ones, f"十 {ones}", f"{tens} 十 {ones}", f"{tens} 百", "两"])


def _fill(template: str, choices: dict[str, list[str]], slots: dict[str, str], rng: random.Random) -> str:
    for name, options in choices.items():
        while f"{{{name}}}" in template:
            template = template.replace(f"{{{name}}}", rng.choice(options), 1)
    while "{number}" in template:
        template = template.replace("{number}", number(rng), 1)
    while "{count}" in template:
        template = template.replace("{count}", _mandarin_count(rng), 1)
    return template.format(**slots)


def mandarin_line(words: list[str]) -> Line:
    """Written without spaces; spoken one pinyin syllable a character."""
    return Line("zh", "".join(words), " ".join(lx.MANDARIN[word] for word in words))


def english_line(text: str) -> Line:
    text = text[0].upper() + text[1:]
    return Line("en", text, text)


def sentence(language: str, rng: random.Random) -> Line:
    if language == "zh":
        filled = _fill(rng.choice(MANDARIN_TEMPLATES), _MANDARIN_CHOICES, {}, rng)
        words = filled.replace("大家 好", "大家 你好").split()
        return mandarin_line(words)
    return english_line(_fill(rng.choice(ENGLISH_TEMPLATES), _ENGLISH_CHOICES, _english_slots(rng), rng))


_RANDOM_ENGLISH = [word for word in lx.ENGLISH if word not in lx.SOUND_ALIKE]
_RANDOM_STARTERS = [word for word in lx.STARTERS if word not in lx.SOUND_ALIKE]


def random_words(language: str, rng: random.Random) -> Line:
    """Words in no order, so that only listening predicts them. The synthesiser is given commas
    (pauses) that the text does not have."""
    count = rng.randint(1, 7)
    if language == "zh":
        return mandarin_line(rng.choices(list(lx.MANDARIN), k=count))
    words = [rng.choice(_RANDOM_STARTERS), *rng.choices(_RANDOM_ENGLISH, k=count)]
    text = " ".join(words) + rng.choice("....?")
    spoken = "".join(word + (", " if rng.random() < 0.15 else " ") for word in words[:-1]) + words[-1] + text[-1]
    return Line("en", text[0].upper() + text[1:], spoken[0].upper() + spoken[1:])


def held_out(line: Line) -> bool:
    """One sentence in ten is never trained on, whatever the seed: decided by its text alone."""
    return hashlib.sha256(line.text.encode()).digest()[0] < 26


def sentences(language: str, count: int, seed: int, *, test: bool) -> list[Line]:
    rng = random.Random(seed)
    found: list[Line] = []
    while len(found) < count:
        line = sentence(language, rng)
        if held_out(line) == test:
            found.append(line)
    return found
