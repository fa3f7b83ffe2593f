"""What is said in a sales month: scripts of who writes what, and how long after.

A text may name {customer}, {company}, {rep}, {product} and {count}.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

File = Literal["quote.pdf", "stock.csv", "見積書.pdf", "在庫一覧(第二倉庫・最新版).csv"]


@dataclass(frozen=True, slots=True)
class Turn:
    by: Literal["customer", "rep"]
    hours: float
    """Since the turn before."""
    text: str
    file: File | None = None


@dataclass(frozen=True, slots=True)
class Script:
    subject: str
    turns: Sequence[Turn]


QUOTE: Final = Script(
    "Quote for {count} {product}",
    [
        Turn("customer", 0, "Hi {rep},\n\nwe would like to equip {company} with {product}, "
             "{count} to begin with.\nCould you send a quote, with the service plan as a "
             "separate line?"),
        Turn("rep", 3, "Hello {customer},\n\nthank you, the quote is attached: {count} "
             "{product}, delivery in three weeks.\nThe service plan is on page two.",
             "quote.pdf"),
        Turn("customer", 22, "Thanks {rep}. Two questions:\n\n1. Is the price held until the "
             "end of the quarter?\n2. Can the batteries be changed without tools?"),
        Turn("rep", 2, "Hi {customer},\n\nyes to both. I have asked for the price to be held "
             "until the 30th, and a battery\nchange takes ten seconds."),
        Turn("customer", 27, "Perfect. I take it to our board on Thursday."),
    ],
)  # fmt: skip

TRIAL: Final = Script(
    "A half-hour demo for {company}?",
    [
        Turn("rep", 0, "Hello {customer},\n\nit was good to meet you at the fair. Shall I show "
             "you {product} on your own articles?\nThirty minutes are enough; Tuesday or "
             "Wednesday would suit me."),
        Turn("customer", 5, "Hi {rep},\n\nWednesday at 14:00 works. My warehouse lead will "
             "join us."),
        Turn("rep", 1, "Wednesday 14:00 it is. If you send me twenty of your article numbers "
             "beforehand, I\nwill load them."),
        Turn("customer", 46, "That was convincing, thank you! Searching by shelf is what my "
             "people liked best.\nWe will talk about it and come back to you."),
    ],
)  # fmt: skip

ROLLOUT: Final = Script(
    "Rollout plan {company}",
    [
        Turn("rep", 0, "Hi {customer},\n\nhere is a first plan: devices arrive on Monday, "
             "training on Tuesday, and on Wednesday\nwe count one aisle together."),
        Turn("customer", 4, "Looks good. Can training be in two groups? We cannot close the "
             "packing line."),
        Turn("rep", 2, "Two groups are fine: 8:00 and 10:30."),
        Turn("customer", 20, "Our current stock list is attached. The second column is the "
             "shelf.", "stock.csv"),
        Turn("rep", 6, "Imported without a complaint: 1,204 articles, 3 of them without a "
             "shelf. I list them below.\n\n  HC-0077\n  HC-0312\n  HC-0940"),
        Turn("customer", 3, "Those three are discontinued, please leave them out. See you on "
             "Monday!"),
    ],
)  # fmt: skip

INVOICE: Final = Script(
    "Invoice for the {product}",
    [
        Turn("customer", 0, "Hello {rep},\n\nour accounting needs our order number on the "
             "invoice. Could you have it reissued?"),
        Turn("rep", 5, "Of course. The new one goes out today, the old one is cancelled.",
             "quote.pdf"),
        Turn("customer", 18, "Received and paid. Thanks for being quick."),
    ],
)  # fmt: skip

SUPPORT: Final = Script(
    "{product}: connection lost at the far dock",
    [
        Turn("customer", 0, "Hi {rep},\n\nat the far loading dock the {product} lose their "
             "connection about twice an hour.\nEverywhere else they are fine."),
        Turn("rep", 2, "Sorry to hear that, {customer}. Does it happen when the gate is open? "
             "Which access point\nis nearest?"),
        Turn("customer", 3, "Only with the gate open, now that you say it. The nearest is "
             "AP-7, behind the rack."),
        Turn("rep", 20, "Then it is the rack that shadows it. Please try AP-7 on the gate's "
             "frame; I send you a\nbracket today."),
        Turn("customer", 50, "Moved it this morning, and not a single drop since. Case "
             "closed."),
    ],
)  # fmt: skip

TERMS: Final = Script(
    "Contract terms, {company}",
    [
        Turn("rep", 0, "Hello {customer},\n\nattached are our terms for {count} {product}. "
             "Section 4 has the service levels we\nspoke about.", "quote.pdf"),
        Turn("customer", 26, "{rep}, our lawyers accept all but 9.2: liability should follow "
             "the order's value."),
        Turn("rep", 7, "I have an answer: capped at twice the yearly fee. Would that do?"),
        Turn("customer", 21, "It would. Please send the final version to me alone, I collect "
             "the signatures."),
    ],
)  # fmt: skip

REFERENCE: Final = Script(
    "Would you talk to another customer of ours?",
    [
        Turn("rep", 0, "Hi {customer},\n\na company much like yours would like to hear how "
             "you introduced the {product}.\nMay I put you in touch?"),
        Turn("customer", 9, "Gladly, if it is after the stock-taking."),
        Turn("rep", 1, "Thank you, that is kind. I will make sure it stays at twenty minutes."),
    ],
)  # fmt: skip

CHECK_IN: Final = Script(
    "Where do we stand?",
    [
        Turn("rep", 0, "Hello {customer},\n\nI wanted to ask where {company} stands with the "
             "{product}. Is there a question that I\ncan answer?"),
        Turn("customer", 30, "Not forgotten, {rep}! The budget is decided next week."),
    ],
)  # fmt: skip

MITSUMORI: Final = Script(
    "{product}のお見積りのお願い",
    [
        Turn("customer", 0, "田中様\n\nいつもお世話になっております。{company}の{customer}です。\n"
             "{product}を{count}台導入したく、お見積りをお願いいたします。\n"
             "保守費用は別項目でお示しください。"),
        Turn("rep", 3, "{customer}様\n\nお問い合わせありがとうございます。田中です。\n"
             "お見積書を添付いたします。納期は約三週間です。\nご確認のほどよろしくお願いいたします。",
             "見積書.pdf"),
        Turn("customer", 22, "田中様\n\nお見積書を拝受しました。二点確認させてください。\n\n"
             "1. 価格の有効期限は月末まででしょうか。\n2. 電池は現場で交換できますか。"),
        Turn("rep", 2, "{customer}様\n\nいずれも「はい」です。価格は月末まで据え置きます。\n"
             "電池は工具なしで交換できます。"),
        Turn("customer", 25, "田中様\n\nありがとうございます。木曜日の会議に諮ります。"),
    ],
)  # fmt: skip

UCHIAWASE: Final = Script(
    "お打ち合わせの日程について",
    [
        Turn("rep", 0, "{customer}様\n\nお世話になっております。田中です。\n"
             "{product}のご説明に伺いたく、火曜日か水曜日の午後はいかがでしょうか。"),
        Turn("customer", 5, "田中様\n\n水曜日の14時でお願いします。倉庫の担当者も同席します。"),
        Turn("rep", 1, "{customer}様\n\n承知しました。水曜日14時に伺います。\n"
             "事前に商品番号を二十件ほどいただければ、登録してお持ちします。"),
        Turn("customer", 47, "田中様\n\n本日はありがとうございました。棚番号での検索が好評でした。\n"
             "社内で検討のうえ、ご連絡いたします。"),
    ],
)  # fmt: skip

NOUHIN: Final = Script(
    "納品と在庫データの件",
    [
        Turn("rep", 0, "{customer}様\n\n{product}は月曜日にお届けします。火曜日に操作説明、\n"
             "水曜日に一列分の棚卸しをご一緒します。"),
        Turn("customer", 4, "田中様\n\n操作説明は二組に分けていただけますか。\n"
             "出荷作業を止めることができません。"),
        Turn("rep", 2, "{customer}様\n\n8時と10時半の二回で承ります。"),
        Turn("customer", 20, "田中様\n\n現在の在庫一覧をお送りします。二列目が棚番号です。",
             "在庫一覧(第二倉庫・最新版).csv"),
        Turn("rep", 6, "{customer}様\n\n問題なく取り込めました。棚番号のない商品が三件ありました。\n"
             "月曜日にご確認をお願いいたします。"),
    ],
)  # fmt: skip

KEIYAKU: Final = Script(
    "契約条件のご確認({company})",
    [
        Turn("rep", 0, "{customer}様\n\n契約書の案をお送りします。保守の内容は第四条にございます。",
             "見積書.pdf"),
        Turn("customer", 26, "田中様\n\n第九条の責任の上限について、法務より確認がありました。\n"
             "注文金額に応じた上限にしていただけますか。"),
        Turn("rep", 7, "{customer}様\n\n年間費用の二倍を上限とする案でいかがでしょうか。"),
        Turn("customer", 21, "田中様\n\nその内容で結構です。最終版をお送りください。"),
    ],
)  # fmt: skip

SHOUGAI: Final = Script(
    "{product}の通信が切れる件",
    [
        Turn("customer", 0, "田中様\n\n第二倉庫の搬入口付近で、{product}の通信が一時間に二回ほど\n"
             "切れます。他の場所では問題ありません。"),
        Turn("rep", 2, "{customer}様\n\nご不便をおかけしております。\n"
             "扉が開いているときに起こりますか。"),
        Turn("customer", 3, "田中様\n\nご指摘のとおり、扉が開いているときだけでした。"),
        Turn("rep", 19, "{customer}様\n\n棚の陰になっているようです。取り付け金具を本日お送りします。"),
    ],
)  # fmt: skip

INTERNAL: Final = (
    ("Forecast for the quarter", "Please have your numbers in by Thursday noon. Open deals only."),
    ("Price list, new edition", "The new list is valid from the 1st. Old quotes keep their price."),
    ("Harbor Coffee: who visits?", "I could go on the 12th, it is on my way. Shall I?"),
    ("Lunch on Friday", "The place by the canal, 12:30. I book for three."),
    ("Fair: stand duty", "Your hours are in the calendar. Swap among yourselves, but tell me."),
    ("Holiday cover", "I am away from the 20th to the 24th. Could you look after my deals?"),
)  # fmt: skip
"""Between members of the team: a subject and a text."""

PRIVATE: Final = (
    ("Praxis Dr. Weiss", "termine@praxis-weiss.example", "Your appointment on Thursday",
     "This is a reminder of your appointment on Thursday at 8:15. Please bring your card."),
    ("Mum", "ruth.carter@family.example", "Sunday?",
     "Are you coming on Sunday? Your brother brings the cake. Call me, the line was bad."),
    ("Hamilton Primary School", "office@hamilton-primary.example", "Parents' evening",
     "Parents' evening is at 19:00 in room 2. Please confirm the name of your child."),
    ("Jonas", "jonas.k@friends.example", "the flat",
     "The landlord answered. 1,150 a month, and he wants our payslips. Shall we?"),
    ("高橋 美咲", "misaki@friends.example", "来週の旅行",
     "宿を予約しました。駅前で九時に待ち合わせましょう。"),
    ("Northbank", "statements@northbank.example", "Your statement is ready",
     "Your statement for the account ending 4471 is ready."),
    ("City Swimming Club", "coach@cityswim.example", "No training on Monday",
     "The pool is closed on Monday. We meet in the park instead."),
    ("Dr. Imai", "clinic@imai-dental.example", "診察のご予約",
     "次回のご予約は金曜日の十七時です。変更はお電話でお願いします。"),
)  # fmt: skip
"""From people whom the CRM does not know, about what is none of its business."""

STRANGERS: Final = (
    ("Growth Rocket", "sam@growthrocket.example", "Quick question, {rep}",
     "I help teams like yours to triple their pipeline. Do you have eight minutes on Tuesday?"),
    ("Skyline Air", "booking@skylineair.example", "Your booking KX7RQ2",
     "Thank you for your booking. Check-in opens 24 hours before departure."),
    ("Parcel Point", "noreply@parcelpoint.example", "Your parcel arrives tomorrow",
     "Your parcel arrives tomorrow between 10:00 and 12:00."),
    ("Hiring Hive", "team@hiringhive.example", "3 new people match your search",
     "Three new people match your search for an inside sales representative."),
    ("Hotel Miramar", "desk@miramar.example", "Your stay with us",
     "We look forward to your stay. Breakfast is served from 6:30."),
    ("Toner Direct", "sales@tonerdirect.example", "Last call: -30 % on toner",
     "Only until Sunday. No reply is needed."),
)  # fmt: skip
"""From strangers to the business: no person of the CRM either."""
