# Everything that is made lies in .local/. PYTHON is any Python 3 from 3.9.
PYTHON ?= python3

environment := .local/environments
project := $(environment)/project/bin
sam := $(environment)/sam/bin
need := @$(PYTHON) -m local.environments
checked := functions layers tests commands local demo

# pytest keeps the test modules that it has rewritten, else each of its processes rewrites them all.
unexport PYTHONDONTWRITEBYTECODE

EXTRA_CA ?=
ALLOW_NETWORKS ?=
STACK ?=
ACCOUNT ?=
NAME ?=
KEY ?=
MAILBOX ?=
PROVIDER ?=
CLIENT_ID ?=
TENANT ?= common
ENDPOINTS ?=
URLS ?=
TABLE ?=
BUCKET ?=
SES_RELAY ?=
MINUTES ?= 2
HTML_MB ?= 0.1
SEED ?= 1
PART ?=

.DEFAULT_GOAL := help
.PHONY: help up down mailserver deploy demo account key keys revoke provider return_urls webhook_secret adopt codes_mailbox test test-long test-servers sam_env sam-local lint format typecheck bench hostile documents pins

help:  ## This list
	@sed -n 's/^\([a-z_-]*\):.*## /\1	/p' $(MAKEFILE_LIST) | expand -t 12

up:  ## Start the local stack [EXTRA_CA=<PEM file>] [ALLOW_NETWORKS=<CIDR,CIDR>] [SES_RELAY=<host:port>]
	$(need) project sam ministack
	@$(project)/python -m local.up --extra-ca "$(EXTRA_CA)" --allow-networks "$(ALLOW_NETWORKS)" --ses-relay "$(SES_RELAY)"

down:  ## Stop what up started
	$(need) project
	@$(project)/python -m local.down

mailserver:  ## Run a mail server of one user, rep@us.example, until Ctrl-C [PORTS=<IMAP,SMTP,world>]
	$(need) project
	@$(project)/python -m local.mailserver $(if $(PORTS),--ports $(PORTS))

deploy:  ## Take changed code to the local stack that is up
	$(need) project sam ministack
	@$(project)/python -m local.redeploy

demo:  ## Show a sales team's mail on its cards
	$(need) project sam ministack
	@$(project)/python -m demo

command := @$(project)/python -m commands --stack "$(STACK)"

account:  ## Create an account NAME=… [STACK=<CloudFormation stack in AWS>]
	$(need) project
	$(command) account --name "$(NAME)"

key:  ## Create another API key ACCOUNT=… NAME=… [STACK=…]
	$(need) project
	$(command) key --account "$(ACCOUNT)" --name "$(NAME)"

keys:  ## List an account's API keys ACCOUNT=… [STACK=…]
	$(need) project
	$(command) keys --account "$(ACCOUNT)"

provider:  ## Enter an OAuth client ACCOUNT=… PROVIDER=google|microsoft CLIENT_ID=… [TENANT=…] [ENDPOINTS=<JSON file>] [STACK=…]
	$(need) project
	$(command) provider --account "$(ACCOUNT)" --provider "$(PROVIDER)" --client-id "$(CLIENT_ID)" --tenant "$(TENANT)" --endpoints "$(ENDPOINTS)"

# Emptied by `URLS=`, and only by that: a variable that was not named comes from this file.
return_urls:  ## Where browsers may be sent after a sign-in ACCOUNT=… URLS=…,… [STACK=…]
	$(need) project
	$(command) return_urls --account "$(ACCOUNT)" $(if $(filter file,$(origin URLS)),,--urls "$(URLS)")

webhook_secret:  ## Replace an account's webhook secret ACCOUNT=… [STACK=…]
	$(need) project
	$(command) webhook_secret --account "$(ACCOUNT)"

adopt:  ## Take what a deleted stack has left into a new one STACK=… TABLE=… BUCKET=… KEY=…
	$(need) project sam
	@$(project)/python -m commands.adopt --stack "$(STACK)" --table "$(TABLE)" --bucket "$(BUCKET)" --key "$(KEY)"

codes_mailbox:  ## Which mailbox sends codes that prove addresses ACCOUNT=… MAILBOX=… [STACK=…]
	$(need) project
	$(command) codes_mailbox --account "$(ACCOUNT)" --mailbox "$(MAILBOX)"

revoke:  ## Revoke an API key ACCOUNT=… KEY=… [STACK=…]
	$(need) project
	$(command) revoke --account "$(ACCOUNT)" --key "$(KEY)"

# A file's tests share servers; files are handed out in the order of tests/conftest.py.
two_at_once := --numprocesses 2 --dist loadfile --no-loadscope-reorder
# Those of tests/stack share a stack as well (tests/distribution.py), and mostly wait for it: a third.
three_at_once := --numprocesses 3 --dist loadgroup --no-loadscope-reorder

test: lint typecheck  ## All checks, and all tests but the long ones; installs mail servers and node where missing
	$(need) project sam ministack
	@$(project)/python -m local.programs
	@$(project)/pytest -m "not long" $(three_at_once)

test-long:  ## The tests that take minutes: a stack's alarms, its adoption, models, the whole corpus
	$(need) project sam ministack
	@$(project)/python -m local.programs
	@$(project)/pytest -m long $(two_at_once)

# What needs nothing of a server but mailboxes to put mail into, the longest first. The others say why
# they are skipped.
synced := $(addprefix tests/integration/test_,$(addsuffix .py,containment imap_session polls every_folder preview server_habits audit sent_folders sync folder_items ledgers two_mailboxes))

test-servers:  ## The sync against Cyrus and Courier, sign-in against Exim, in chroots; as root, on Debian
	$(need) project sam ministack
	@$(project)/python -m local.programs
	@$(project)/python -m tests.servers.chroots
	@$(project)/pytest --submission-server exim tests/integration/test_submission_server.py
	@$(project)/pytest --imap-server cyrus $(two_at_once) $(synced)
	@$(project)/pytest --imap-server courier $(two_at_once) $(synced)

sam_env:  ## Write events and env.json for sam local invoke and sam remote invoke [STACK=… ACCOUNT=… MAILBOX=…]
	$(need) project sam
	@$(project)/python -m local.sam_env --stack "$(STACK)" --account "$(ACCOUNT)" --mailbox "$(MAILBOX)"

sam-local:  ## Run every sample event through sam local; needs a container engine
	$(need) project sam ministack
	@$(project)/python -m local.sam_local

lint:  ## Style, template, and who imports whom
	$(need) project sam
	@$(project)/ruff check .
	@$(project)/ruff format --check .
	@$(project)/lint-imports
	@$(sam)/cfn-lint template.yaml
	@SAM_CLI_TELEMETRY=0 $(sam)/sam validate --lint --region us-east-1

format:  ## Format the code
	$(need) project
	@$(project)/ruff check --fix .
	@$(project)/ruff format .

typecheck:  ## mypy --strict
	$(need) project
	@$(project)/mypy $(checked)

bench:  ## Measure; installs mail servers where missing [PART=starts|sync|connecting|polls|new_mailbox|moves|bodies|parsing]
	$(need) project sam ministack
	@$(project)/python -m local.programs
	@$(project)/python -m tests.bench $(if $(PART),--part $(PART))

hostile:  ## Hostile mail, and histories with faults: [MINUTES=60] [SEED=<first history's>] [HTML_MB=4] [PART=mailbox|costs|chaos]
	$(need) project sam ministack
	@$(project)/python -m local.programs
	@PYTHONPATH=layers/mailmirror POWERTOOLS_METRICS_DISABLED=true POWERTOOLS_LOG_LEVEL=WARNING $(project)/python -m tests.hostile --minutes "$(MINUTES)" --seed "$(SEED)" --html-mb "$(HTML_MB)" $(if $(PART),--part $(PART))

documents:  ## Write docs/openapi.json and the rows of docs/problems.md and docs/limits.md from the code
	$(need) project
	@$(project)/python -m local.documents

pins:  ## Pin the newest versions of every tool and of the layer's packages
	@$(PYTHON) -m local.repin
