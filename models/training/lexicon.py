"""The closed lexicon of the demonstration model: what it can hear, and nothing else.

English words stand in the categories that `sentences.py` fills its templates with. Mandarin
words carry their pinyin, because espeak-ng's reading of Chinese characters depends on the build
while its pinyin voice (`cmn-latn-pinyin`) does not.
"""

NAMES = (
    "Anna Ben Clara David Emma Frank Grace Henry Julia Kevin Laura Martin Nina Oscar Peter Rosa Simon Tina Victor Wendy"
).split()
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTHS = "January February March April May June July August September October November December".split()
ONES = "one two three four five six seven eight nine".split()
TEENS = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
LARGE = "hundred thousand million zero percent point half".split()
ORDINALS = "first second third last next".split()

MATTERS = (
    "agenda budget project report contract product schedule design problem question decision summary "
    "price plan release test server software system data email number invoice deadline"
).split()
PEOPLE = "team client customer manager doctor nurse patient colleague engineer".split()
PLACES = "office hospital room market company clinic building".split()
ACTIONS = "discuss review check update prepare present approve finish send change write read close open".split()
QUALITIES = "new important ready late early short long high low final main small large clear good difficult".split()

BODY = "heart lung liver kidney chest head knee shoulder back stomach".split()
SYMPTOMS = "pain fever cough headache infection swelling bleeding nausea dizziness".split()
ILLNESSES = "diabetes asthma cancer pneumonia allergy fracture hypertension".split()
DRUGS = "insulin aspirin ibuprofen morphine penicillin antibiotics medicine".split()
DEGREES = "severe mild stable normal chronic acute".split()
EXAMINATIONS = "scan biopsy ultrasound surgery examination treatment diagnosis".split()
CLINICAL = (
    "milligrams tablets dose blood pressure temperature weight history symptoms daily twice pulse rate left right"
).split()
TIMES = "today tomorrow yesterday morning afternoon evening week month year hour minutes days hours now later".split()
FUNCTION = (
    "the a and or to of in on at for with from by is are was were be has have had will would can should we I you he "
    "she it they this that our your my his her not no yes please then after before about all more very much how what "
    "when where who why if but so there here let us do does did thank thanks meeting everyone hello welcome start "
    "started need needs want think know see show help call move wait agree work talk give take takes goodbye okay "
    "sorry up down out too also still every other people time than been any over wants"
).split()

ENGLISH = sorted(
    {
        word
        for group in (
            NAMES, DAYS, MONTHS, ONES, TEENS, TENS, LARGE, ORDINALS, MATTERS, PEOPLE, PLACES, ACTIONS, QUALITIES,
            BODY, SYMPTOMS, ILLNESSES, DRUGS, DEGREES, EXAMINATIONS, CLINICAL, TIMES, FUNCTION,
        )
        for word in group
    }
)  # fmt: skip

# A sentence starts with one of these, capitalised; so only these have a capitalised form to learn.
STARTERS = (
    "the a we I you he she it they this that our your my please then after how what when where who why if but so "
    "there here let do does did thank thanks hello welcome can should will would is are has have good yes no okay "
    "sorry give take call send her blood diagnosis temperature hello today tomorrow yesterday every next first "
    "goodbye all"
).split()

# Of words that sound alike, random text holds only the first: without a sentence around them no one can tell.
SOUND_ALIKE = {"to", "too", "for", "their", "write", "know", "hour", "weight"}

# word -> pinyin, one syllable a character
MANDARIN = dict(
    line.split("=")
    for line in """
我们=wo3 men5
你们=ni3 men5
他们=ta1 men5
大家=da4 jia1
今天=jin1 tian1
明天=ming2 tian1
昨天=zuo2 tian1
上午=shang4 wu3
下午=xia4 wu3
晚上=wan3 shang5
现在=xian4 zai4
开会=kai1 hui4
开始=kai1 shi3
结束=jie2 shu4
讨论=tao3 lun4
会议=hui4 yi4
项目=xiang4 mu4
预算=yu4 suan4
报告=bao4 gao4
客户=ke4 hu4
合同=he2 tong5
公司=gong1 si1
问题=wen4 ti2
计划=ji4 hua4
时间=shi2 jian1
价格=jia4 ge2
产品=chan3 pin3
市场=shi4 chang3
经理=jing1 li3
同事=tong2 shi4
电话=dian4 hua4
邮件=you2 jian4
医生=yi1 sheng1
病人=bing4 ren2
护士=hu4 shi5
医院=yi1 yuan4
血压=xue4 ya1
心脏=xin1 zang4
头痛=tou2 tong4
发烧=fa1 shao1
咳嗽=ke2 sou5
感染=gan3 ran3
手术=shou3 shu4
检查=jian3 cha2
治疗=zhi4 liao2
药物=yao4 wu4
过敏=guo4 min3
糖尿病=tang2 niao4 bing4
体温=ti3 wen1
正常=zheng4 chang2
严重=yan2 zhong4
需要=xu1 yao4
可以=ke3 yi3
应该=ying1 gai1
已经=yi3 jing1
没有=mei2 you3
完成=wan2 cheng2
准备=zhun3 bei4
谢谢=xie4 xie5
你好=ni3 hao3
再见=zai4 jian4
重要=zhong4 yao4
很=hen3
不=bu4
是=shi4
有=you3
在=zai4
的=de5
和=he2
请=qing3
吃=chi1
第=di4
号=hao4
点=dian3
天=tian1
年=nian2
月=yue4
毫克=hao2 ke4
小时=xiao3 shi2
分钟=fen1 zhong1
星期=xing1 qi1
一=yi1
二=er4
三=san1
四=si4
五=wu3
六=liu4
七=qi1
八=ba1
九=jiu3
十=shi2
百=bai3
千=qian1
两=liang3
张=zhang1
李=li3
王=wang2
陈=chen2
刘=liu2
先生=xian1 sheng5
女士=nv3 shi4
""".split("\n")
    if line
)
CHARACTERS = sorted({character for word in MANDARIN for character in word})


def markdown() -> str:
    """The whole lexicon, as the model's README shows it."""
    capitalised = sorted({word[0].upper() + word[1:] for word in STARTERS})
    lists = (
        (f"English, {len(ENGLISH)} words", ENGLISH),
        (f"Capitalised forms at the start of a sentence, {len(capitalised)}", capitalised),
        (f"Mandarin, {len(MANDARIN)} words", list(MANDARIN)),
        (f"Mandarin, {len(CHARACTERS)} characters", CHARACTERS),
    )
    return "\n\n".join(f"**{title}:** {' '.join(words)}" for title, words in lists)


if __name__ == "__main__":
    print(markdown())
