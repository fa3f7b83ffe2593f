"""What is said in a sales month: scripts of who writes what, how long after, and other mail.

A text may name {customer}, {company}, {rep}, {product} and {count}.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple


class Turn(NamedTuple):
    by: str
    """`customer` or `rep`."""
    hours: float
    """Since the turn before."""
    text: str
    file: str | None = None
    """The name of what is attached."""


class Script(NamedTuple):
    subject: str
    turns: Sequence[Turn]


QUOTE: Final = Script(
    "Quote for {count} {product}",
    [
        Turn("customer", 0, "Hi {rep},\n\nwe would like to equip {company} with {product}, {count} to begin with.\nCould you send a quote?"),
        Turn("rep", 3, "Hello {customer},\n\nthe quote is attached: {count} {product}, delivery in three weeks.", "quote.pdf"),
        Turn("customer", 22, "Thanks {rep}. Two questions:\n\n1. Is the price held until the end of the quarter?\n2. Can the batteries be changed without tools?"),
        Turn("rep", 2, "Hi {customer},\n\nyes to both. A battery change takes ten seconds."),
        Turn("customer", 27, "Perfect. I take it to our board on Thursday."),
    ],
)  # fmt: skip
TRIAL: Final = Script(
    "A half-hour demo for {company}?",
    [
        Turn("rep", 0, "Hello {customer},\n\nshall I show you {product} on your own articles? Thirty minutes are enough."),
        Turn("customer", 5, "Hi {rep},\n\nWednesday at 14:00 works. My warehouse lead will join us."),
        Turn("rep", 1, "Wednesday 14:00 it is. If you send me some article numbers, I will load them."),
        Turn("customer", 46, "That was convincing, thank you! Here is our stock list.", "stock.csv"),
    ],
)  # fmt: skip
SUPPORT: Final = Script(
    "{product}: connection lost at the far dock",
    [
        Turn("customer", 0, "Hi {rep},\n\nat the far loading dock the {product} lose their connection twice an hour."),
        Turn("rep", 2, "Sorry to hear that, {customer}. Does it happen when the gate is open?"),
        Turn("customer", 3, "Only with the gate open, now that you say it."),
        Turn("rep", 20, "Then it is the rack that shadows it. I send you a bracket today."),
        Turn("customer", 50, "Moved it this morning, and not a single drop since. Case closed."),
    ],
)  # fmt: skip
MITSUMORI: Final = Script(
    "{product}のお見積りのお願い",
    [
        Turn("customer", 0, "田中様\n\nいつもお世話になっております。{company}の{customer}です。\n{product}を{count}台導入したく、お見積りをお願いいたします。"),
        Turn("rep", 3, "{customer}様\n\nお見積書を添付いたします。納期は約三週間です。", "見積書.pdf"),
        Turn("customer", 22, "田中様\n\nお見積書を拝受しました。電池は現場で交換できますか。"),
        Turn("rep", 2, "{customer}様\n\n電池は工具なしで交換できます。"),
        Turn("customer", 25, "田中様\n\nありがとうございます。木曜日の会議に諮ります。"),
    ],
)  # fmt: skip
NOUHIN: Final = Script(
    "納品と在庫データの件",
    [
        Turn("rep", 0, "{customer}様\n\n{product}は月曜日にお届けします。火曜日に操作説明をいたします。"),
        Turn("customer", 4, "田中様\n\n操作説明は二組に分けていただけますか。"),
        Turn("rep", 2, "{customer}様\n\n8時と10時半の二回で承ります。"),
        Turn("customer", 20, "田中様\n\n現在の在庫一覧をお送りします。", "在庫一覧.csv"),
    ],
)  # fmt: skip

AGREED: Final = Turn("customer", 0, "{rep}, the board has agreed, all {count} of them. Could you hold the delivery date?")  # fmt: skip
ORDER: Final = Turn("customer", 0, "{rep}, and here is the order: {count} {product}.", "quote.pdf")
"""What Laura writes while one watches."""

INTERNAL: Final = (
    ("Forecast for the quarter", "Please have your numbers in by Thursday noon. Open deals only."),
    ("Harbor Coffee: who visits?", "I could go on the 12th, it is on my way. Shall I?"),
    ("Lunch on Friday", "The place by the canal, 12:30. I book for three."),
    ("Holiday cover", "I am away from the 20th to the 24th. Could you look after my deals?"),
)
"""Between members of the team: a subject and a text."""

STRANGERS: Final = (
    ("Praxis Dr. Weiss", "termine@praxis-weiss.example", "Your appointment on Thursday", "Please bring your card."),
    ("Mum", "ruth.carter@family.example", "Sunday?", "Are you coming on Sunday? Your brother brings the cake."),
    ("高橋 美咲", "misaki@friends.example", "来週の旅行", "宿を予約しました。駅前で九時に待ち合わせましょう。"),
    ("Northbank", "statements@northbank.example", "Your statement is ready", "For the account ending 4471."),
    ("Growth Rocket", "sam@growthrocket.example", "Quick question", "Do you have eight minutes on Tuesday?"),
    ("Toner Direct", "sales@tonerdirect.example", "Last call: -30 % on toner", "Only until Sunday."),
)  # fmt: skip
"""From people whom the CRM does not know, about what is none of its business."""
