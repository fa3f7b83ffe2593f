"""The limits on what strangers write, each with its reason; docs/limits.md lists them.

A limit stands here where a stranger decides how much there is to read. What the system chooses for
itself (batches, retries, time-outs, caches) stands where it is used. Each limit
is exceeded by a test, which is marked `exceeds`.
"""

# Written by the sender of a message

MAX_MESSAGE_BYTES = 25 << 20
"""RFC822.SIZE up to which a message is fetched whole: more does not fit into a function's memory
with its parts decoded. A larger message is mirrored without its attachments, and says so."""

MAX_CUT_MESSAGE_BYTES = 256 << 10
"""How much is fetched of a larger message: its headers, and mostly its text."""

MAX_HEADER_BYTES = 1 << 20
"""Of a longer header block only the fields that the rules need are read beyond the limit. The
headers of ordinary mail take some 10 KB."""

MAX_FIELD_BYTES = 256 << 10
"""Of all fields of one name in a header block together. Of what is longer the beginning is read,
up to the last whole address or id. 500 recipients with long names fit; reading it takes 0.4 seconds
of CPU. A message of whose address fields one is longer may have any number of further participants,
so it counts as one with too many recipients."""

MAX_PART_HEADER_BYTES = 64 << 10
"""The header block of a part; what is beyond is read as the part's body. A part has a handful of
short fields, and a message has a thousand parts."""

MAX_PARAMETERS_CHARS = 16 << 10
"""Of a field with parameters: their quotes are matched by a regular expression in quadratic time.
Beyond the limit no parameter is read."""

MAX_PARAMETERS = 200
"""Of one field: decoding one takes 5 µs, and the fields of a thousand parts are read several times.
A long file name in pieces (RFC 2231 3) has some thirty."""

MAX_DATE_CHARS = 200
"""A longer Date is no date: its beginning could be another one. Dates have some 40 characters."""

MAX_BASE64_STREAMS = 10_000
"""Base64 streams with padding of their own that are glued together in one part. Of more the
beginning is decoded, and a warning says so: each costs a call."""

MAX_PARTS = 1_000
"""Of a message: each is decoded, listed and searched for. Mail with some hundred photographs has
some hundred."""

MAX_NESTED_PARTS = 50
"""Multiparts within each other: their walk is recursive. Mail that was forwarded often has ten."""

MAX_UNWRAPPED_PARTS = 20
"""Signed S/MIME parts, winmail.dat and messages that are read in place of a text, within each other
or not, in a message: each is decoded and copied. Ordinary mail has one."""

MAX_UNWRAPPED_BYTES = 32 << 20
"""What these hold, all together: a compressed one may hold a thousand times its own bytes."""

MAX_CMS_ELEMENTS = 50_000
"""ASN.1 elements read of an S/MIME part: each costs a call. A letter of 25 MB has 6,000,
of 4 KB each."""

MAX_CMS_DEPTH = 16
"""ASN.1 elements of unknown length within each other: their walk is recursive. S/MIME has six."""

MAX_TNEF_ELEMENTS = 10_000
"""Attributes of a winmail.dat, and properties of one of them: each costs a call. Outlook writes
some hundred."""

MAX_RTF_BYTES = 500_000
"""Of the compressed text of a winmail.dat: each letter costs a call. A longer one is left out."""

MAX_CALENDAR_CHARS = 100_000
"""Of a calendar that stands for a text; what is behind them is not read. An event has 2,000."""

MAX_ENRICHED_CHARS = 2_000_000
"""Of enriched text; a longer one is shown with its commands: each costs a call."""

MAX_UUENCODED_LINES = 1_000_000
"""Of the uuencoded files in one text together: each costs three calls. A file of 25 MB has 400,000.
Further files stay in the text."""

MAX_UUENCODED_FILES = 100
"""Uuencoded files that are cut out of one text; further ones stay in it."""

MAX_UNDECODABLE_LINES = 10_000
"""Of uuencoded data; beyond these it is none, and the rest is left out."""

MAX_INLINE_PICTURES = 10_000
"""Inline pictures that are searched for in HTML: ten for each part of a message. A picture beyond
them is listed as an attachment."""

MAX_HTML_HEAD_BYTES = 4_096
"""Bytes of HTML that are searched for its charset; browsers read a quarter of that."""

MAX_HTML_CHARS = 2_000_000
"""Of a message's HTML without embedded pictures; of more only the bare text is shown. A long
Outlook thread has some hundred thousand; text costs 0.4 µs a character to fold."""

MAX_HTML_CHARS_WITH_PICTURES = 10_000_000
"""With `data:` URLs, which cost the parser their length, twice, and nothing else."""

MAX_HTML_TAGS = 100_000
"""And comments: 0.4 KB and 12 µs each. An Outlook thread has one in 20 to 40 characters."""

MAX_HTML_ATTRIBUTES = 300_000
"""40 bytes each, and a name and value of their own."""

MAX_HTML_REFERENCES = 50_000
"""Character references such as `&amp;`: 10 to 30 µs each, for the parser tries every prefix of what
is no name."""

MAX_HTML_ESCAPED_CHARS = 100_000
"""Characters from U+0080 to U+00BF, as no-break spaces: the time to write them grows with the
square of their number in one text; so many cost 0.3 s, two million 100."""

MAX_HTML_REOPENED_ELEMENTS = 500_000
"""Formatting elements that are open, and their attributes, at each tag: each may close them all
and have them opened again, at 0.3 KB each."""

MAX_HTML_STEPS = 60_000_000
"""Elements open at each tag, which most tags walk: 10 ns each."""

MAX_HTML_FOSTERED_PIECES = 3_000
"""Tags and words in a table and outside of its cells: each is moved before the table, past all
that is there already (13.2.6.1 of the HTML standard)."""

MAX_SHEET_CHARS = 200_000
"""Of the style sheets in a message's HTML: newsletters have 60,000. Of more none is read, so that
what they hide is shown."""

MAX_SHEET_RULES = 5_000
"""Selectors whose rules say whether elements are seen; of more none is read."""

MAX_SHEET_STEPS = 200_000
"""Selectors, with their classes and properties, that are compared with the different tags of a
message, at 2 µs; of sheets that need more none is read. Newsletters need some thousand."""

MAX_ATTRIBUTES_OF_A_TAG = 500
"""The HTML parser compares each name with all before it. Mail has fewer than 30."""

MAX_UNSURE_CHARS = 250_000
"""Of HTML with `svg`, `math` or another element whose tags are not followed before parsing."""

MAX_UNSURE_TAGS = 5_000
"""Of such HTML: each of its tags is counted as open."""

MAX_BARE_HTML_CHARS = 500_000
"""Of markup beyond the limits, whose bare text is taken: as much as an answer of the API shows."""

MAX_SANITISED_CHARS = 1_500_000
"""Of sanitised HTML, in which each link gains 60 characters: an answer of a function may have 6 MB.
Of more only the bare text is shown."""

MAX_SHOWN_CHARS = 500_000
"""Of a message's text, and of its HTML, in an answer of the API: a function's may have 6 MB. The
raw message has everything."""

MAX_SHOWN_HEADERS = 200
"""Header fields in an answer of the API. A message that went through many gateways has a hundred.
The raw message has everything."""

MAX_SHOWN_HEADER_CHARS = 2_000
"""Of one header field in an answer of the API: 200 of them, escaped, stay under 6 MB."""

MAX_SNIPPET_SOURCE_CHARS = 64 << 10
"""Of a text: searched for the beginning of what is new. Where all of it is quoted, the snippet is
empty."""

MAX_ATTRIBUTION_CHARS = 500
"""Of a line such as `On …, Kim wrote:`; a longer line is taken for text, for the expressions that
recognise it look at a line again and again."""

MAX_ATTACHMENT_NAME_CHARS = 200
"""Of an attachment's name, which is shortened before its extension: file systems take 255 bytes.
Of a name more than three times as long only the ends are normalised (see MAX_ADDRESS_CHARS): a
thousand names of 10 KB would take a minute."""

MAX_ADDRESS_CHARS = 1_000
"""Of a text that is read as an address, before it is normalised: putting combining characters in
order (Unicode NFC) takes quadratic time, two minutes for 256 KB of them. Addresses in any script
are shorter."""

MAX_ADDRESS_OCTETS = 254
"""Of an address (RFC 5321 4.5.3.1.3, less the angle brackets of a path). What is longer is none."""

MAX_LOCAL_OCTETS = 64
"""Of an address's local part (RFC 5321 4.5.3.1.1). Longer ones are matched where they come, but not
sent to."""

MAX_SENDERS = 150
"""Addresses in From, Sender and Reply-To beside the recipients, each of which is looked up at a
read unit. A message with more has the verdict of one with too many recipients; ordinary mail has
one to three."""

MAX_OTHER_PARTICIPANTS_BYTES = 32_000
"""Octets of addresses that belong to no person: a thousand ordinary ones. They are indexed because
an address may become a person's later. An entry holds them all, and a thread's entries are read
together; DynamoDB's limit is 400 KB an item. Addresses of persons are always indexed."""

MAX_END_REFERENCES = 20
"""Of a References field with more than twice as many ids, so many from the beginning and from the
end join threads: the root and the near ancestors. Each id costs a read unit. Of In-Reply-To the
first so many do."""

MAX_WRITTEN_REFERENCES = 20
"""Ids in the References of a reply that is sent: the root and the near ancestors. A long thread's
would outgrow servers' limits on headers."""

MAX_WRITTEN_ID_CHARS = 900
"""Of a Message-ID that a reply names, of the 998 characters of a line (RFC 5322 2.1.1). A longer
one is not named."""

MAX_LOOKED_UP_PARTICIPANTS = 300
"""Participants of a message that is read whose persons are looked up, at a read unit each: those in
From, To and Cc first. Further ones are counted. A list's message has a hundred."""

MAX_ABSORBED_THREADS = 1_000
"""Threads that one thread absorbs: strangers write References, and each root is read whole. Threads
beyond these stay apart."""

MAX_VERSIONS = 8
"""Contents of a message that a mailbox keeps. A member of a few lists has two or three. Further
ones are counted."""

MAX_COUNTED_VERSIONS = 100
"""Contents beyond those that are kept: each is counted once, by its digest, in one item of 3 KB."""

MAX_SENT_COPIES = 20
"""Copies in sent mail without a Message-ID that have one From, Date, Subject and To: further ones
keep an identity of their own."""

MAX_ADDED_LINES = 40
"""What lists and gateways add: footers and disclaimers. A version that lacks more than that may be
an excerpt that hides the rest, so it is not preferred."""

MAX_LINE_BYTES = 16_000
"""What an item of a list may hold of strangers' text, in octets as DynamoDB counts them. A page
reads 50 lines at a read unit a 4 KB, and its answer of 100 lines, escaped, stays under 6 MB. A
hundred recipients with their names fit. A line that is cut has the warning `shortened`."""

MAX_LINE_SUBJECT_BYTES = 3_000
"""Of a subject in a list: a thousand characters of any script."""

MAX_LINE_ID_BYTES = 1_000
"""Of a Message-ID in a list: RFC 5322 2.1.1 allows 998 characters a line."""

MAX_LINE_SNIPPET_BYTES = 900
"""Of a snippet in a list: 200 characters of any script."""

MAX_LINE_FROM_BYTES = 1_000
"""Of the senders in a list, of whom the first stay: a message has one, seldom two."""

MAX_LINE_ATTACHMENTS_BYTES = 3_000
"""Of the attachments' names in a list, of which the first stay: some thirty."""

MAX_LINE_NAME_BYTES = 300
"""Of one name in a list: a hundred characters of any script."""

MAX_CONTAINED_SUBJECT_CHARS = 200
"""Of the subject of a message that could not be read, as the list of problems shows it."""

# Written by a mail server

MAX_HEARD_LINE_BYTES = 2_000
"""Of a status response, or of the first line of whatever answers at a port: what a refusal quotes
is cut to less. Servers write one line of some 100 bytes."""

MAX_HEARD_ALERTS = 2
"""Of the alerts before a command's end the last ones are quoted. Servers send one."""

MAX_FOLDER_NAME_BYTES = 4_000
"""Of a folder's name, as LIST gives it; a folder with a longer name is not read, and its name is
not normalised (see MAX_ADDRESS_CHARS). Servers allow some 255 bytes a level."""

MAX_LISTED_NAMESPACES = 5
"""Of a server, that are listed by their prefix because LIST leaves them out: each costs every poll
a round trip. The folders of further ones are not read. A server that has such a namespace has one
or two."""

MAX_NAMED_FOLDERS = 30
"""Of a server, that a refusal names where it has no folder of the name that was asked for."""

MAX_CANDIDATE_LETTERS = 1_000
"""Unmatched messages of a mailbox, the newest, of which candidates are read: some seconds of header
fields, while a person waits."""

MAX_CANDIDATES = 100
"""Addresses that a list of candidates names; the others are counted."""

MAX_SOUGHT_HEADERS = 200
"""Headers of a folder that an explain compares with the message that is sought: SEARCH compares
parts of fields, and may find every message. The newest are compared."""

MAX_SOUGHT_ENTRIES = 500
"""Of a thread, among which an explain finds a message that is stored: some 40 read units. Strangers
write References, and so decide how long a thread is."""

MAX_EXPLAINED_MESSAGES = 20
"""That an explain answers, the newest: of each some ten read units tell where it is."""

MAX_EXPLAINED_COPIES = 100
"""Of these messages together. Of Gmail a message has one beside those of its labels."""

MAX_EXPLAINED_SUBJECT_CHARS = 1_000
"""Of a subject that an explain is asked about or answers: RFC 5322 has lines of that length."""

MAX_PREVIEWED_FOLDERS = 1_000
"""Of a server, that a preview lists, those that are read first; the others are counted. At 4 KB for
the longest name an answer stays below the 6 MB that Lambda allows."""

MAX_ANSWER_BYTES = 16 << 20
"""What an IMAP server may send beside the messages that were asked for: the UIDs of a folder with a
million messages take 10 MB. The session ends where it sends more."""

MAX_ANSWER_LINES = 50_000
"""Lines of an IMAP server's answers beside those of the messages asked for: each costs imaplib ten
microseconds and a copy."""

MAX_MESSAGE_LINES = 4
"""Lines of an answer that each message asked for may have: servers send one or two."""

MAX_UID = (1 << 32) - 1
"""Of UIDNEXT and EXISTS (RFC 9051 2.3.1.1). A server that names a greater number is not read: its
UIDs could not be listed, nor the number stored."""

MAX_UIDVALIDITY = (1 << 63) - 1
"""RFC 9051 allows 32 bits, and some servers take more; DynamoDB stores 38 digits."""

MAX_LISTED_MESSAGES = 2_000_000
"""Of one folder, as they are listed: at 200 bytes each, so many fit into a function's memory beside
the rest. EXISTS is the server's word, so it cannot be the only bound. A folder with more cannot be
read, and says so."""

MAX_MEAN_HEADER_BYTES = 32 << 10
"""Of the fields that the rules need, a message that is fetched with others. Ordinary mail has 2 KB
of them."""

MAX_LONG_HEADER_BYTES = 256 << 10
"""Of the fields that the rules need, beside the mean, a message that is fetched with few others. Of
a message with more, fetched alone, only the beginning of each field comes."""

MAX_LONG_HEADERS_BYTES = 16 << 20
"""Of all of these in one answer: it is held in memory whole."""

MAX_FAILED_MESSAGE_LINES = 64
"""Lines a message of the answer to a FETCH that failed: further ones are ignored."""

MAX_DATES_BYTES = 64 << 20
"""Of the answer that lists the INTERNALDATE of UIDs."""

MAX_REPLY_LINE_BYTES = 8_192
"""Of a line of an SMTP server's reply: RFC 5321 4.5.3.1.5 allows 512. The session ends where it is
longer."""

MAX_REPLY_LINES = 200
"""Of an SMTP server's reply: EHLO is answered by some twenty, and smtplib takes any number."""

MAX_REPLY_CHARS = 300
"""Of a mail server's reply that are kept: they are shown to the sender, and lie in the outbound's
item, of each recipient."""

MAX_CHALLENGE_CHARS = 100
"""Of what a server says when it refuses a token: shown as the detail of a problem."""

MAX_HOST_ADDRESSES = 4
"""Addresses of a host that are tried, five seconds each: names come from strangers, too."""

# Written by the servers of a domain whose settings are looked for

MAX_DISCOVERY_BYTES = 1 << 20
"""Of all that is read from strangers to find the settings of an address: DNS answers, web servers'
headers and files, mail servers' greetings. An ordinary domain's take 10 to 30 KB. What would go
beyond is not read, and the server that sends it counts as failing."""

MAX_AUTOCONFIG_BYTES = 128 << 10
"""Of an autoconfig file, before it is parsed. Files have 1 to 5 KB; a longer one is not used."""

MAX_AUTOCONFIG_SERVERS = 10
"""Servers in an autoconfig file that are looked at, the first ones: each may be connected to. Files
have two to six."""

MAX_AUTOCONFIG_FIELD_CHARS = 500
"""Of a host, user name or other field in an autoconfig file; a longer one counts as empty."""

MAX_REDIRECTS = 3
"""Of a web server that is asked for an autoconfig file, one after the other."""

MAX_DNS_QUERIES = 60
"""To find the settings of an address: eight about the domain, two for each host that is connected
to. An ordinary domain needs some twenty. What would be asked beyond has no answer."""

MAX_DNS_RECORDS = 10
"""Of one answer, those that come first in it; a domain has two to five mail exchangers."""

MAX_EXCHANGERS = 2
"""Mail exchangers of a domain, the preferred ones, whose names are tried as mail servers."""

MAX_CHECKED_SERVERS = 12
"""Servers that one source (SRV records, an autoconfig file, names that are guessed) has connected
to, the first ones: each costs a connection and a TLS handshake at the same time as the others."""

MAX_CERTIFICATE_NAMES = 3
"""A refusal lists so many names of a certificate that is another host's, and says how many more
there are: the certificate of a hoster may have a thousand."""

MAX_SHOWN_CERTIFICATES = 4
"""Of a chain that a server shows to a doctor, its own first; servers send two or three. Further
ones are not read."""

MAX_CERTIFICATE_NAME_CHARS = 100
"""Of each of these names; a host's name may have 253."""

# Written by the CRM

MAX_WEBHOOK_BYTES = 256 << 10
"""Of a webhook's body: a larger one is refused before its signature is computed."""

MAX_EVENTS = 2_500
"""Of a webhook: more than fit into a body whose events say something; each is queued, and answered
if refused. More are refused together, and nothing is queued."""

MAX_AHEAD_MINUTES = 5
"""How far ahead an event may be dated: as far as a clock without NTP is off. One dated later would
win over every event of its item until then."""

MAX_REMEMBERED_EVENTS = 50
"""Ids of events of one instant that an item remembers, so that none of them counts a second time
when it is repeated: 3 KB at the most. A CRM whose times are whole seconds has two or three; beyond
the limit the ones applied first are forgotten."""

MAX_BLOCKS = 500
"""Leads, contacts, addresses and domains that a user may block: they lie in one item, 30 KB as a
rule, which each sync reads that judges mail. A domain counts once."""

MAX_PERSON_ADDRESSES = 100
"""Of a user, lead or contact: each is an item of the index by address, and they are written in one
transaction."""

MAX_JOINED_RECORDS = 100
"""Leads and contacts that conversions and merges join to one contact. All of them are read at each
event and page of any of them: a hundred keys are one request, and merges in a row one request
each. A conversion or merge beyond it is listed as a gap, and both sides keep their cards."""

MAX_DEAL_CONTACTS = 500
"""Of a deal: they lie in each of its versions, all of which are read together."""

MAX_CRM_NAME_CHARS = 500
"""Of a person's or deal's name, which is cut: it is only shown."""

MAX_CRM_ID_CHARS = 64
"""Of an id of the CRM's, which is a part of keys."""

MAX_LEFT_OUT_DETAILS = 10
"""Of what is left out of an event for one reason, as it is named; the rest is counted. A body of
256 KB can hold 80,000 empty addresses."""

MAX_LEFT_OUT_CHARS = 60
"""Of a value that is left out, as it is named: enough to find it."""

MAX_COUNTED_GAPS = 100
"""Refused events that are gaps, as a card counts them: it reads them for that, some 0.5 KB each.
More are "100 or more", on the card and in the list."""

MAX_REFUSED_EVENT_CHARS = 1_000
"""Of an event that was refused, as it is kept for 30 days to be looked at."""

# Written by callers of the API

MAX_REQUEST_BYTES = 6_000_000
"""Of a request's body: Lambda takes events of 6 MB."""

MAX_PASTED_HEADER_CHARS = 256 << 10
"""Of a message's headers that an explain is asked about: as much of one field is read. The headers
of ordinary mail take some 10 KB."""

MAX_NUMBER_DIGITS = 100
"""Of a number in JSON; a longer one is read as a float, for Python reads digits in quadratic time
and refuses more than 4,300."""

MAX_CHOSEN_FOLDERS = 100
"""Folders that the setting `folders` names; they are stored with the mailbox. Who reads more leaves
the setting at `all`."""

MAX_SENT_FOLDERS = 5
"""Of a mailbox, that its setting names: each lies in the schedule entry, and every poll asks for
it."""

MAX_INDEX_DIGITS = 9
"""Of an attachment's number in a path; a longer one names none."""

MAX_LANGUAGE_RANGES = 100
"""Of a request's Accept-Language: browsers send about ten, and API Gateway lets thousands in."""

MAX_DETAIL_CHARS = 200
"""Of a problem's detail, which can quote a path that the caller wrote."""

MAX_VALUE_CHARS = 320
"""Of a field of a request that has no limit of its own: the longest address of a mailbox
(RFC 3696)."""

MAX_TEXT_CHARS = 5 << 20
"""Of a text or HTML that is to be sent: what a request can hold."""

MAX_ATTACHMENTS = 50
"""Of a message that is to be sent: each is read from the bucket in turn before the answer."""

MAX_SES_MESSAGE_BYTES = 40 << 20
"""Of a message that SES is to send, its uploads encoded (Amazon SES, "Service quotas"). Other
servers' limits stand in `domain.providers`. A larger upload is refused before it is read."""

MAX_SENT_RECIPIENTS = 500
"""Of a message that is to be sent, whatever the account's setting: each has a state, and all of
them lie in one item."""

MAX_IDEMPOTENCY_KEY_CHARS = 200
"""Of an Idempotency-Key: a UUID has 36."""

MAX_RECIPIENTS_SETTING = 500
"""Of the setting `max_recipients`: each recipient of a message that is judged is looked up, and the
recipients of what is sent are limited to as many."""

MAX_MAILBOXES_PER_USER = 10
"""Of the setting `mailboxes_per_user`: a card reads the partitions of all mailboxes of
a viewer."""

MAX_MESSAGES_A_DAY = 10_000
"""Of the setting `messages_a_day`, a mailbox: Google Workspace lets a user send 2,000."""

MAX_PAGE_LINES = 100
"""Messages a page: its answer, escaped, stays under 6 MB."""

MAX_OVERRIDES = 1_000
"""Overrides of one root at which none is added for a single message: some 150 bytes each."""

MAX_CARD_OVERRIDES = 500
"""Overrides on the card of a lead or contact at which none is added for a single message: each page
of the card reads them, some 250 bytes each."""

MAX_COUNTED_ENTRIES = 1_000
"""Entries of a thread that a list of a deal's threads reads, at a read unit a dozen. Of a longer
thread the list says that it counts only these."""

MAX_COUNTED_PARTS = 100
"""Threads that a thread has absorbed and of which such a list reads the entries: a request each."""

MAX_LISTED_ITEMS = 5_000
"""Entries, overrides and roots that a page of a deal's threads reads, some 600 read units: a deal
may have 50,000 messages in one thread. The page ends before the next thread then, with a cursor."""

MAX_REMEMBERED_THREADS = 50
"""Threads of which not all entries are read, and which a cursor names because pages before it had
them: 33 characters each; a URL has 8 KB. Of further ones the first named are forgotten, and listed
again."""

MAX_NAMED_REASONS = 10
"""Single messages of a thread that a list names as attached; further ones are counted."""

MAX_NAMED_DEALS = 50
"""Deals of a message, each of which is read with all its versions; further ones are counted."""

MAX_SEARCHED_OVERRIDES = 1_000
"""How many overrides of deals are read, the latest ones, to find those on one message: some 100
read units. The thread's root has those that count, whatever is read here."""

MAX_NAMED_OVERRIDES = 100
"""Of one message, in an answer: those that count, then the latest of the others."""

# Written by browsers, identity providers and SNS

MAX_CALLBACK_CHARS = 4_096
"""Of a parameter of a provider's callback, which is cut: it is passed on to another function. Codes
have some thousand characters."""

MAX_PROVIDER_ANSWER_BYTES = 1 << 20
"""Of an answer of a provider's token or profile endpoint, decompressed. Tokens have some KB; of a
longer answer nothing is read, and the provider counts as unavailable."""

MAX_CERTIFICATE_BYTES = 16 << 10
"""Of the certificate that SNS signs with: it has some 2 KB."""
