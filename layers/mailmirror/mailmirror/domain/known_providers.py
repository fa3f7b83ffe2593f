"""The large mail providers: their domains, their mail exchangers, their servers, and how people
sign in to them from a mail program.

Origin: written for Mailmirror from what each provider publishes for the users of mail programs
(its help pages on IMAP and SMTP). No other list was copied. Licence: MIT, as all of Mailmirror.
A server that is listed here is checked like any other before it is answered, so that a fact that
has changed since is found out; only Google's and Microsoft's stand in `domain.providers`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from mailmirror.domain.mailbox import Provider, Security, Server


class SignIn(StrEnum):
    """What a provider wants from a mail program."""

    OAUTH = "oauth"
    """A sign-in in the browser."""
    PASSWORD = "password"
    """The ordinary password; an app password where two-step sign-in is on."""
    APP_PASSWORD = "app_password"
    """A password that the provider makes for mail programs alone."""
    ISSUED = "issued"
    """A user name and a password that the provider issues for mail programs alone."""
    BRIDGE = "bridge"
    """Nothing: IMAP is only there on the user's own computer, by a program of the provider's."""
    NONE = "none"
    """Nothing: there is no IMAP."""


class Username(StrEnum):
    """What stands in the field for the user name."""

    ADDRESS = "address"
    LOCAL_PART = "local_part"

    def of(self, email: str) -> str:
        return email if self is Username.ADDRESS else email.rpartition("@")[0]


@dataclass(frozen=True, slots=True)
class KnownProvider:
    name: str
    domains: tuple[str, ...]
    """Of its own addresses; one that begins with a dot stands for all below it."""
    exchangers: tuple[str, ...] = ()
    """What the names of its mail exchangers (MX) end with, for customers with an own domain."""
    imap: Server | None = None
    """Its host may have a `{domain}`."""
    smtp: Server | None = None
    sign_in: SignIn = SignIn.PASSWORD
    username: Username = Username.ADDRESS
    page: str = ""
    """Where the provider makes the app password, or switches IMAP on."""
    oauth: Provider | None = None

    def servers(self, domain: str) -> tuple[Server | None, Server | None]:
        """Its IMAP and its submission server, for an address of this domain."""
        return _at(self.imap, domain), _at(self.smtp, domain)


def provider_of_domain(domain: str) -> KnownProvider | None:
    """The provider whose own addresses have this domain."""
    return next((one for one in KNOWN_PROVIDERS if _has(one.domains, domain)), None)


def provider_of_exchangers(hosts: Iterable[str]) -> KnownProvider | None:
    """The provider that takes in the mail of a domain, by the first host that names one."""
    for host in hosts:
        for one in KNOWN_PROVIDERS:
            if any(host == name or host.endswith(f".{name}") for name in one.exchangers):
                return one
    return None


def provider_of_server(host: str) -> KnownProvider | None:
    """The provider that signs people in by OAuth 2 to this IMAP server."""
    return next((one for one in KNOWN_PROVIDERS if host in _OAUTH_HOSTS.get(one.oauth, ())), None)


def known_provider(email: str, host: str) -> KnownProvider | None:
    """The provider of an address, or of an IMAP server."""
    if (found := provider_of_domain(email.rpartition("@")[2])) is not None:
        return found
    if (found := provider_of_server(host)) is not None:
        return found
    return next((one for one in KNOWN_PROVIDERS if one.imap and one.imap.host == host), None)


def _has(domains: tuple[str, ...], domain: str) -> bool:
    return any(domain.endswith(one) if one[0] == "." else domain == one for one in domains)


def _at(server: Server | None, domain: str) -> Server | None:
    if server is None:
        return None
    return Server(server.host.format(domain=domain), server.port, server.security)


def _imaps(host: str) -> Server:
    return Server(host, 993, Security.TLS)


def _submissions(host: str) -> Server:
    return Server(host, 465, Security.TLS)


def _submission(host: str) -> Server:
    return Server(host, 587, Security.STARTTLS)


def _zoho(region: str, *domains: str) -> tuple[KnownProvider, KnownProvider]:
    """Zoho's own addresses, and customers' domains, which have servers of their own."""
    page = f"https://accounts.zoho.{region}/home#security/app_password"
    own = KnownProvider(
        f"Zoho ({region})",
        domains=domains,
        imap=_imaps(f"imap.zoho.{region}"),
        smtp=_submissions(f"smtp.zoho.{region}"),
        page=page,
    )
    customers = KnownProvider(
        f"Zoho ({region}), own domain",
        domains=(),
        exchangers=(f"zoho.{region}",),
        imap=_imaps(f"imappro.zoho.{region}"),
        smtp=_submissions(f"smtppro.zoho.{region}"),
        page=page,
    )
    return own, customers


_OAUTH_HOSTS: dict[Provider | None, tuple[str, ...]] = {
    Provider.GOOGLE: ("imap.gmail.com", "imap.googlemail.com"),
    Provider.MICROSOFT: ("outlook.office365.com", "imap-mail.outlook.com"),
}

KNOWN_PROVIDERS: tuple[KnownProvider, ...] = (
    KnownProvider(
        "Google",
        domains=("gmail.com", "googlemail.com"),
        exchangers=("google.com", "googlemail.com"),
        imap=_imaps("imap.gmail.com"),
        smtp=_submissions("smtp.gmail.com"),
        sign_in=SignIn.OAUTH,
        page="https://myaccount.google.com/apppasswords",
        oauth=Provider.GOOGLE,
    ),
    KnownProvider(
        "Microsoft",
        domains=(
            *("outlook.com", "outlook.jp", "outlook.de", "outlook.fr", "outlook.es", "outlook.it"),
            *("outlook.co.id", "outlook.kr", "outlook.com.br", "outlook.com.au", "outlook.in"),
            *("hotmail.com", "hotmail.co.jp", "hotmail.co.uk", "hotmail.de", "hotmail.fr"),
            *("hotmail.es", "hotmail.it", "hotmail.nl", "hotmail.com.br", "hotmail.ca"),
            *("live.com", "live.jp", "live.co.uk", "live.de", "live.fr", "live.nl", "live.it"),
            *("live.ca", "live.com.au", "msn.com", "windowslive.com", "passport.com"),
            *("office365.com", ".onmicrosoft.com"),
        ),
        exchangers=("mail.protection.outlook.com", "olc.protection.outlook.com", "mx.microsoft"),
        sign_in=SignIn.OAUTH,
        oauth=Provider.MICROSOFT,
    ),
    KnownProvider(
        "iCloud",
        domains=("icloud.com", "me.com", "mac.com"),
        exchangers=("mail.icloud.com",),
        imap=_imaps("imap.mail.me.com"),
        smtp=_submission("smtp.mail.me.com"),
        sign_in=SignIn.APP_PASSWORD,
        page="https://account.apple.com",
    ),
    KnownProvider(
        "Yahoo",
        domains=(
            *("yahoo.com", "ymail.com", "rocketmail.com", "yahoo.co.uk", "yahoo.de", "yahoo.fr"),
            *("yahoo.es", "yahoo.it", "yahoo.ca", "yahoo.com.br", "yahoo.com.au", "yahoo.co.in"),
            *("yahoo.in", "yahoo.com.sg", "yahoo.com.tw", "yahoo.com.hk", "yahoo.com.mx"),
        ),
        exchangers=("yahoodns.net", "biz.mail.yahoo.com"),
        imap=_imaps("imap.mail.yahoo.com"),
        smtp=_submissions("smtp.mail.yahoo.com"),
        sign_in=SignIn.APP_PASSWORD,
        page="https://login.yahoo.com/account/security",
    ),
    KnownProvider(
        "Yahoo! JAPAN",
        domains=("yahoo.co.jp", "ybb.ne.jp"),
        imap=_imaps("imap.mail.yahoo.co.jp"),
        smtp=_submissions("smtp.mail.yahoo.co.jp"),
        username=Username.LOCAL_PART,
        page="https://mail.yahoo.co.jp",
    ),
    KnownProvider(
        "AOL",
        domains=("aol.com", "aim.com", "aol.co.uk", "aol.de", "aol.fr"),
        imap=_imaps("imap.aol.com"),
        smtp=_submissions("smtp.aol.com"),
        sign_in=SignIn.APP_PASSWORD,
        page="https://login.aol.com/account/security",
    ),
    *_zoho("com", "zoho.com", "zohomail.com"),
    *_zoho("eu", "zohomail.eu"),
    *_zoho("in", "zohomail.in"),
    KnownProvider(
        "Fastmail",
        domains=("fastmail.com", "fastmail.fm", "sent.com", "messagingengine.com"),
        exchangers=("messagingengine.com",),
        imap=_imaps("imap.fastmail.com"),
        smtp=_submissions("smtp.fastmail.com"),
        sign_in=SignIn.APP_PASSWORD,
        page="https://app.fastmail.com/settings/security",
    ),
    KnownProvider(
        "GMX",
        domains=("gmx.de", "gmx.net", "gmx.at", "gmx.ch"),
        imap=_imaps("imap.gmx.net"),
        smtp=_submissions("mail.gmx.net"),
        page="https://www.gmx.net",
    ),
    KnownProvider(
        "GMX, international",
        domains=("gmx.com", "gmx.us", "gmx.co.uk", "gmx.fr", "gmx.es"),
        imap=_imaps("imap.gmx.com"),
        smtp=_submissions("mail.gmx.com"),
        page="https://www.gmx.com",
    ),
    KnownProvider(
        "WEB.DE",
        domains=("web.de",),
        imap=_imaps("imap.web.de"),
        smtp=_submission("smtp.web.de"),
        page="https://web.de",
    ),
    KnownProvider(
        "Telekom",
        domains=("t-online.de", "magenta.de"),
        imap=_imaps("secureimap.t-online.de"),
        smtp=_submissions("securesmtp.t-online.de"),
        sign_in=SignIn.APP_PASSWORD,
        page="https://email.t-online.de",
    ),
    KnownProvider(
        "IONOS",
        domains=(),
        exchangers=("kundenserver.de", "ionos.de"),
        imap=_imaps("imap.ionos.de"),
        smtp=_submissions("smtp.ionos.de"),
    ),
    KnownProvider(
        "IONOS, international",
        domains=(),
        exchangers=("1and1.com", "ionos.com"),
        imap=_imaps("imap.ionos.com"),
        smtp=_submissions("smtp.ionos.com"),
    ),
    KnownProvider(
        "Rackspace",
        domains=(),
        exchangers=("emailsrvr.com",),
        imap=_imaps("secure.emailsrvr.com"),
        smtp=_submissions("secure.emailsrvr.com"),
    ),
    KnownProvider(
        "Gandi",
        domains=(),
        exchangers=("gandi.net",),
        imap=_imaps("mail.gandi.net"),
        smtp=_submissions("mail.gandi.net"),
    ),
    KnownProvider(
        "Mail.ru",
        domains=("mail.ru", "inbox.ru", "list.ru", "bk.ru", "internet.ru"),
        exchangers=("mail.ru",),
        imap=_imaps("imap.mail.ru"),
        smtp=_submissions("smtp.mail.ru"),
        sign_in=SignIn.APP_PASSWORD,
        page="https://account.mail.ru/user/2-step-auth/passwords",
    ),
    KnownProvider(
        "Yandex",
        domains=("yandex.ru", "ya.ru", "yandex.com", "yandex.by", "yandex.kz", "narod.ru"),
        exchangers=("mx.yandex.net", "mx.yandex.ru"),
        imap=_imaps("imap.yandex.com"),
        smtp=_submissions("smtp.yandex.com"),
        sign_in=SignIn.APP_PASSWORD,
        page="https://id.yandex.com/security/app-passwords",
    ),
    KnownProvider(
        "NetEase 163",
        domains=("163.com",),
        imap=_imaps("imap.163.com"),
        smtp=_submissions("smtp.163.com"),
        sign_in=SignIn.APP_PASSWORD,
        page="https://mail.163.com",
    ),
    KnownProvider(
        "NetEase 126",
        domains=("126.com",),
        imap=_imaps("imap.126.com"),
        smtp=_submissions("smtp.126.com"),
        sign_in=SignIn.APP_PASSWORD,
        page="https://mail.126.com",
    ),
    KnownProvider(
        "NetEase Yeah",
        domains=("yeah.net",),
        imap=_imaps("imap.yeah.net"),
        smtp=_submissions("smtp.yeah.net"),
        sign_in=SignIn.APP_PASSWORD,
        page="https://mail.yeah.net",
    ),
    KnownProvider(
        "NetEase, own domain",
        domains=(),
        exchangers=("mxmail.netease.com",),
        imap=_imaps("imap.qiye.163.com"),
        smtp=_submissions("smtp.qiye.163.com"),
        sign_in=SignIn.APP_PASSWORD,
        page="https://qiye.163.com",
    ),
    KnownProvider(
        "QQ Mail",
        domains=("qq.com", "vip.qq.com", "foxmail.com"),
        imap=_imaps("imap.qq.com"),
        smtp=_submissions("smtp.qq.com"),
        sign_in=SignIn.APP_PASSWORD,
        page="https://mail.qq.com",
    ),
    KnownProvider(
        "Tencent Exmail",
        domains=(),
        exchangers=("mxbiz1.qq.com", "mxbiz2.qq.com"),
        imap=_imaps("imap.exmail.qq.com"),
        smtp=_submissions("smtp.exmail.qq.com"),
        sign_in=SignIn.APP_PASSWORD,
        page="https://exmail.qq.com",
    ),
    KnownProvider(
        "Naver",
        domains=("naver.com",),
        imap=_imaps("imap.naver.com"),
        smtp=_submission("smtp.naver.com"),
        sign_in=SignIn.APP_PASSWORD,
        username=Username.LOCAL_PART,
        page="https://mail.naver.com",
    ),
    KnownProvider(
        "Daum",
        domains=("daum.net", "hanmail.net"),
        imap=_imaps("imap.daum.net"),
        smtp=_submissions("smtp.daum.net"),
        sign_in=SignIn.APP_PASSWORD,
        username=Username.LOCAL_PART,
        page="https://mail.daum.net",
    ),
    KnownProvider(
        "@nifty",
        domains=("nifty.com", "nifty.ne.jp"),
        imap=_imaps("imap.nifty.com"),
        smtp=_submissions("smtp.nifty.com"),
        username=Username.LOCAL_PART,
        page="https://www.nifty.com/mail/",
    ),
    KnownProvider(
        "BIGLOBE",
        domains=("biglobe.ne.jp", ".biglobe.ne.jp"),
        imap=_imaps("mail.biglobe.ne.jp"),
        smtp=_submissions("mail.biglobe.ne.jp"),
        page="https://email.biglobe.ne.jp",
    ),
    KnownProvider(
        "Sakura",
        domains=(".sakura.ne.jp",),
        imap=_imaps("{domain}"),
        smtp=_submission("{domain}"),
        page="https://secure.sakura.ad.jp/rs/cp/",
    ),
    KnownProvider(
        "OCN",
        domains=("ocn.ne.jp", ".ocn.ne.jp"),
        imap=_imaps("imap.ocn.ne.jp"),
        smtp=_submissions("smtp.ocn.ne.jp"),
        page="https://www.ocn.ne.jp/mail/",
    ),
    KnownProvider(
        "So-net",
        domains=(".so-net.ne.jp",),
        imap=_imaps("imap.so-net.ne.jp"),
        smtp=_submission("mail.so-net.ne.jp"),
        page="https://www.so-net.ne.jp/webmail/",
    ),
    KnownProvider(
        "au",
        domains=("au.com", "ezweb.ne.jp"),
        imap=_imaps("imap.ezweb.ne.jp"),
        smtp=_submissions("smtp.ezweb.ne.jp"),
        sign_in=SignIn.ISSUED,
        page="https://www.au.com/mobile/service/mail/aumail/",
    ),
    KnownProvider(
        "docomo",
        domains=("docomo.ne.jp",),
        imap=_imaps("imap2.spmode.ne.jp"),
        smtp=_submissions("mail2.spmode.ne.jp"),
        sign_in=SignIn.ISSUED,
        page="https://www.docomo.ne.jp/service/docomo_mail/",
    ),
    KnownProvider(
        "SoftBank",
        domains=("i.softbank.jp",),
        imap=_imaps("imap.softbank.jp"),
        smtp=_submissions("smtp.softbank.jp"),
        sign_in=SignIn.ISSUED,
        username=Username.LOCAL_PART,
        page="https://www.softbank.jp/mysoftbank/",
    ),
    KnownProvider(
        "Proton",
        domains=("proton.me", "protonmail.com", "protonmail.ch", "pm.me"),
        exchangers=("protonmail.ch",),
        sign_in=SignIn.BRIDGE,
        page="https://proton.me/mail/bridge",
    ),
    KnownProvider(
        "Tuta",
        domains=(
            "tuta.com",
            "tutanota.com",
            "tutanota.de",
            "tutamail.com",
            "tuta.io",
            "keemail.me",
        ),
        exchangers=("tutanota.de",),
        sign_in=SignIn.NONE,
        page="https://tuta.com",
    ),
    KnownProvider(
        "HEY",
        domains=("hey.com",),
        exchangers=("hey.com",),
        sign_in=SignIn.NONE,
        page="https://www.hey.com",
    ),
)
