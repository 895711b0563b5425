"""What happened in the demonstration's repositories, told as data. Every person and ticket is invented."""

from dataclasses import dataclass

LENA = "Lena Brandt <lena.brandt@northquay.example>"
MATEUS = "Mateus Okafor <mateus.okafor@northquay.example>"
SAMUEL = "Samuel Adeyemi <samuel.adeyemi@northquay.example>"
BOT = "Dependency Bot <bot@northquay.example>"


@dataclass(frozen=True)
class Revision:
    """One commit: `days` before the end of the story, who, and the message.

    `feature` adds a line to the service's page, `fails` makes its `/health` answer 500 with that reason ("" heals it,
    None leaves it), `tag` sets the version and tags the commit. `side` puts it on a side line that starts at the commit
    before, and `merge` makes it a commit that joins this line with the main one.
    """

    days: float
    author: str
    message: str
    tag: str = ""
    feature: str = ""
    fails: str | None = None
    side: bool = False
    merge: bool = False


@dataclass(frozen=True)
class Product:
    """A service of the demonstration: how its page calls it, and the history of its repository, oldest first."""

    slug: str
    name: str
    summary: str
    accent: str
    history: tuple[Revision, ...]


PAYMENTS = Product(
    slug="payments-api",
    name="Payments API",
    summary="Takes payments and gives them back.",
    accent="#2f6f8f",
    history=(
        Revision(96, LENA, "Start the payments service", feature="Card payments"),
        Revision(
            95, LENA, "feat(api): capture a payment in parts (#301)\n\nRefs: PAY-1102", feature="Captures in parts"
        ),
        Revision(92, MATEUS, "fix(api): round captures to the cent (#304)\n\nCloses PAY-1110"),
        Revision(90.5, SAMUEL, "docs: explain the sandbox cards"),
        Revision(90, LENA, "chore(release): 4.6.0", tag="v4.6.0"),
        Revision(84, MATEUS, "feat(wallets): pay by wallet (#318)\n\nRefs: PAY-1160", feature="Wallets"),
        Revision(81, LENA, "feat(wallets): remember the wallet a shopper chose (#322)\n\nRefs: PAY-1164"),
        Revision(
            77,
            SAMUEL,
            "perf(ledger): write entries in one statement (#325)\n\nPAY-1171: 41 ms instead of 160 ms for an order.",
        ),
        Revision(73, BOT, "build(deps): bump tls-library from 3.2.2 to 3.2.3 (#329)"),
        Revision(70, LENA, "chore(release): 4.7.0", tag="v4.7.0"),
        Revision(63, MATEUS, "fix(wallets): accept names with accents (#338)\n\nCloses PAY-1190"),
        Revision(62, LENA, "chore(release): 4.7.1", tag="v4.7.1"),
        Revision(
            41.2,
            SAMUEL,
            "fix(ledger): do not book a payment twice after a time-out (#361)\n\nCloses PAY-1228",
            side=True,
        ),
        Revision(41, SAMUEL, "test(ledger): replay the night of the time-outs", side=True),
        Revision(40.8, LENA, "Merge pull request #361 from northquay/ledger-timeouts", merge=True),
        Revision(40.5, LENA, "chore(release): 4.7.2", tag="v4.7.2"),
        Revision(
            21,
            MATEUS,
            "feat(refunds): send refunds straight to the card network (#402)\n\nRefs: PAY-1244",
            feature="Instant refunds",
        ),
        Revision(20.4, MATEUS, "feat(refunds): choose the network by card number\n\nPAY-1244"),
        Revision(19.6, LENA, "refactor(refunds): one place for the states of a refund (#404)\n\nRefs: PAY-1244"),
        Revision(
            18.9,
            LENA,
            "feat(refunds): show refund progress to the shopper (#405)\n\nRefs: PAY-1250",
            feature="Refund progress for shoppers",
        ),
        Revision(
            18.1,
            SAMUEL,
            "feat(api)!: require an idempotency key on refunds (#409)\n\n"
            "BREAKING CHANGE: POST /refunds without an Idempotency-Key is answered 400.\nRefs: PAY-1261",
            feature="Idempotency keys on refunds",
        ),
        Revision(17.5, SAMUEL, "test(api): send the same refund 1,000 times (#410)\n\nRefs: PAY-1261"),
        Revision(16.8, MATEUS, "feat(ledger): book instant refunds (#412)\n\nRefs: PAY-1267"),
        Revision(16.2, MATEUS, "fix(ledger): book the fee of a refund as well (#413)\n\nRefs: PAY-1267"),
        Revision(15.7, LENA, "Tidy up the ledger's tests"),
        Revision(
            15.1,
            LENA,
            "feat(reconcile): reconcile refunds every hour (#417)\n\nRefs: PAY-1270",
            feature="Hourly reconciliation",
        ),
        Revision(14.6, BOT, "build(deps): bump tls-library from 3.2.3 to 3.2.4 (#418)\n\nRefs: PAY-1283"),
        Revision(14, LENA, "chore(release): 4.8.0-rc.1", tag="v4.8.0-rc.1"),
        Revision(12.2, MATEUS, "fix(refunds): keep the shopper's currency (#421)\n\nCloses PAY-1286"),
        Revision(
            11.7,
            SAMUEL,
            "feat(alerts): alert when a refund waits over 5 minutes (#423)\n\nRefs: PAY-1275",
            feature="Alerts for waiting refunds",
        ),
        Revision(11.3, MATEUS, "fix(refunds): show a refund in parts only once (#424)\n\nCloses PAY-1287"),
        Revision(11, LENA, "chore(release): 4.8.0-rc.2", tag="v4.8.0-rc.2"),
        Revision(
            8.4,
            SAMUEL,
            "feat(refunds): retry refunds when the bank times out (#431)\n\nRefs: PAY-1291",
            feature="Refunds are tried again",
        ),
        Revision(8.2, SAMUEL, "fix(refunds): wait longer before each further try (#432)\n\nRefs: PAY-1291"),
        Revision(8, LENA, "chore(release): 4.8.0-rc.3", tag="v4.8.0-rc.3"),
        Revision(
            5.2,
            MATEUS,
            "feat(ledger): keep the ledger in its own database (#440)\n\nRefs: PAY-1302",
            feature="A ledger of its own",
            fails="The ledger's database is not configured.",
        ),
        Revision(4.1, LENA, "feat(reports): monthly statements (#442)\n\nRefs: PAY-1305", feature="Monthly statements"),
        Revision(3, LENA, "chore(release): 4.9.0-rc.1", tag="v4.9.0-rc.1"),
        Revision(
            1.4, MATEUS, "fix(ledger): read the address of the ledger's database (#445)\n\nCloses PAY-1311", fails=""
        ),
        Revision(0.6, SAMUEL, "wip statements layout"),
        Revision(0, LENA, "docs(api): describe monthly statements (#447)\n\nRefs: PAY-1305"),
    ),
)

NOTIFICATIONS = Product(
    slug="notifications",
    name="Notifications",
    summary="Tells shoppers what became of their orders.",
    accent="#7a5c9e",
    history=(
        Revision(80, SAMUEL, "Start the notifications service", feature="Mail"),
        Revision(78, SAMUEL, "feat(sms): send short messages (#88)\n\nRefs: NTF-310", feature="Short messages"),
        Revision(76, LENA, "chore(release): 2.5.0", tag="v2.5.0"),
        Revision(52, MATEUS, "feat(push): notify the mobile app (#97)\n\nRefs: NTF-331", feature="Mobile app"),
        Revision(51, SAMUEL, "fix(mail): keep the shopper's language (#99)\n\nCloses NTF-336"),
        Revision(50, LENA, "chore(release): 2.6.0", tag="v2.6.0"),
        Revision(
            9,
            MATEUS,
            "feat(refunds): tell shoppers about instant refunds (#108)\n\nRefs: NTF-352, PAY-1250",
            feature="Refund messages",
        ),
        Revision(7.5, SAMUEL, "fix(sms): cut long names instead of failing (#110)\n\nCloses NTF-357"),
        Revision(6, LENA, "chore(release): 2.7.0-rc.1", tag="v2.7.0-rc.1"),
        Revision(0.5, SAMUEL, "perf(mail): send in batches of 100 (#113)\n\nRefs: NTF-360"),
    ),
)
