"""The files that travel with the mail: each is what its name says, and opens."""

from demo.conversations import File
from demo.mime import Attachment

STOCK_HEAD = "article,shelf,quantity,description"


def attachment(file: File, title: str) -> Attachment:
    """The file in question; `title` is an ASCII line to print in a PDF."""
    match file:
        case "quote.pdf" | "見積書.pdf":
            return Attachment(file, "application/pdf", one_page_pdf(title))
        case "stock.csv":
            rows = [
                f'HC-{n:04d},{n % 9 + 1}-{n % 4 + 1},{n * 7 % 90},"Blend {n}"' for n in range(40)
            ]
            return Attachment(file, "text/csv; charset=utf-8", _csv([STOCK_HEAD, *rows], "utf-8"))
        case "在庫一覧(第二倉庫・最新版).csv":
            rows = [f"MF-{n:04d},{n % 9 + 1}-{n % 4 + 1},{n * 7 % 90},商品{n}" for n in range(40)]
            head = "商品番号,棚番号,数量,品名"
            # Spreadsheets in Japan still save CSV in Windows' code page.
            return Attachment(file, "text/csv; charset=shift_jis", _csv([head, *rows], "cp932"))


def one_page_pdf(title: str) -> bytes:
    """A valid PDF of one A4 page with one line of ASCII text."""
    shown = title.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
    drawing = f"BT /F1 18 Tf 72 770 Td ({shown}) Tj ET".encode("ascii")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        (
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
            b" /Resources << /Font << /F1 5 0 R >> >> >>"
        ),
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(drawing), drawing),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    pdf = bytearray(b"%PDF-1.4\n")
    offsets: list[int] = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(pdf))
        pdf += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(pdf)
    pdf += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    for offset in offsets:
        pdf += b"%010d 00000 n \n" % offset
    pdf += b"trailer << /Size %d /Root 1 0 R >>\n" % (len(objects) + 1)
    pdf += b"startxref\n%d\n%%%%EOF\n" % start
    return bytes(pdf)


def _csv(rows: list[str], encoding: str) -> bytes:
    return ("\r\n".join(rows) + "\r\n").encode(encoding)
