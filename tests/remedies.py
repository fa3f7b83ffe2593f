"""Which test follows the remedy of each text for people.

A test that follows a remedy provokes the answer, takes the call, field or words out of it, does
what they say, and sees the effect. `tests/unit/test_remedies.py` fails where an entry of a
catalogue is not listed here, and where a test that is named is not there.
"""

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from local.environments import ROOT
from mailmirror.domain.deep_audit import FaultKind
from mailmirror.domain.words.readers import CATALOGUES

Entry = tuple[str, str]
"""A catalogue's title, and the code of an entry."""

ENTRIES: Sequence[Entry] = [(one.title, str(code)) for one in CATALOGUES for code in one.texts]


@dataclass(frozen=True, slots=True)
class Followed:
    """A test follows the remedy."""

    test: str
    """Its file below tests/, and its name."""


@dataclass(frozen=True, slots=True)
class Outside:
    """The remedy is followed where no test runs: at a provider, at the user's server, by asking."""

    why: str
    test: str
    """What is checked in its place."""


@dataclass(frozen=True, slots=True)
class Unfollowed:
    """No test follows the remedy yet, though one could."""

    missing: str


Outcome = Followed | Outside | Unfollowed

_API = "integration/test_remedies_followed.py"
_REQUESTS = "integration/test_requests_corrected.py"
_SIGN_IN = "integration/test_oauth.py"
_SENDING = "integration/test_sending_corrected.py"
_CONNECTING = "integration/test_connecting_corrected.py"
_DISCOVERY = "integration/test_discovery.py"
_HOSTILE_DOMAIN = "integration/test_discovery_hostile.py"
_AT_PROVIDER = "The person, or an administrator, acts at Google or Microsoft."
_AT_SERVER = "The owner of the mail server, or of the recipient's, acts there."
_BY_OPERATOR = "The operator acts on the stack or on AWS."
_NOTHING = "There is nothing to do."


def _each(test: str, *codes: str) -> dict[str, Outcome]:
    return dict.fromkeys(codes, Followed(test))


def _outside(why: str, test: str, *codes: str) -> dict[str, Outcome]:
    return dict.fromkeys(codes, Outside(why, test))


_PROBLEMS: dict[str, Outcome] = {
    **_each(
        f"{_API}::test_acting_user_a_request_that_names_a_known_user_is_answered",
        *("acting_user_required", "acting_user_unknown"),
    ),
    **_each(
        f"{_API}::test_a_field_that_is_missing_or_wrong_is_named_and_taken_once_it_is_right",
        "invalid_field",
    ),
    **_each(f"{_API}::test_invalid_cursor_starting_without_one_is_answered", "invalid_cursor"),
    **_each(
        f"{_API}::test_unknown_deals_threads_and_messages_are_known_by_what_the_remedy_names",
        *("deal_unknown", "deal_deleted", "thread_unknown", "message_unknown"),
    ),
    **_each(
        f"{_API}::test_message_lost_a_deep_audit_stores_it_again",
        "message_lost",
    ),
    **_each(
        f"{_API}::test_address_connected_disconnecting_the_other_mailbox_frees_the_address",
        "address_connected",
    ),
    **_each(
        f"{_API}::test_mailbox_limit_disconnecting_the_other_or_a_higher_limit_helps",
        "mailbox_limit",
    ),
    **_each(
        f"{_API}::test_disconnected_connecting_again_makes_the_card_complete",
        "mailbox_disconnected",
    ),
    **_each(
        "integration/test_pause.py::"
        "test_a_sync_that_is_asked_for_is_refused_with_the_call_that_goes_on",
        "mailbox_paused",
    ),
    **_each(
        "integration/test_persons.py::"
        "test_a_merge_beyond_the_limit_is_listed_and_both_keep_their_cards",
        "too_many_joined",
    ),
    **_each(
        "integration/test_persons.py::"
        "test_a_merge_that_comes_before_its_contact_waits_for_it_and_is_listed",
        "contact_unknown",
    ),
    **_each(
        "integration/test_persons.py::"
        "test_merges_in_a_circle_end_in_one_card_in_whatever_order_they_come",
        "redirects_in_circle",
    ),
    **_each(
        "integration/test_overrides.py::"
        "test_overrides_on_single_messages_are_bounded_and_the_whole_thread_is_the_remedy",
        "too_many_overrides",
    ),
    **_each(
        "integration/test_blocks.py::test_too_many_blocks_are_refused_until_one_is_removed",
        "too_many_blocks",
    ),
    **_each(
        "integration/test_refused_events.py::"
        "test_a_corrected_event_takes_what_was_left_out_off_the_list",
        "invalid_email",
    ),
    **_each(
        "integration/test_accept_message.py::test_the_day_has_a_limit_that_says_when_it_ends",
        "daily_limit_reached",
    ),
    **_each(
        f"{_SENDING}::test_sending_off_it_is_sent_once_the_account_allows_messages_a_day",
        "sending_off",
    ),
    **_each(
        "integration/test_prove_address.py::test_a_code_lives_ten_minutes", "proof_code_expired"
    ),
    **_each(
        "integration/test_prove_address.py::"
        "test_the_digits_of_the_latest_message_are_taken_after_wrong_ones",
        "proof_code_wrong",
    ),
    **_each(
        "integration/test_prove_address.py::test_nobody_is_flooded_with_codes", "proof_code_limit"
    ),
    **_each(
        "integration/test_folder_faults.py::"
        "test_a_folder_that_the_server_lists_and_refuses_to_open_can_be_left_out",
        "folder_refused",
    ),
    **_each(
        "integration/test_problems.py::test_a_folder_that_cannot_be_opened_is_named_until_it_can",
        "folder_failing",
    ),
    **_each(
        "integration/test_problems.py::"
        "test_a_message_that_the_server_does_not_return_is_listed_until_it_does",
        "messages_pending",
    ),
    **_each(
        "integration/test_every_folder.py::"
        "test_a_name_that_is_no_folder_is_refused_with_those_that_there_are",
        "folder_unknown",
    ),
    **_outside(
        _AT_PROVIDER,
        "integration/test_oauth.py::test_microsofts_number_is_reported_as_what_only_the_person_can_mend",
        *("password_changed", "mfa_required", "blocked_by_policy", "user_disabled"),
        *("consent_missing", "grant_expired", "token_refused"),
    ),
    **_each(
        "integration/test_oauth.py::test_signing_in_again_goes_on_where_it_stopped",
        "grant_revoked",
    ),
    **_outside(
        _AT_PROVIDER,
        "integration/test_oauth.py::test_where_smtp_auth_is_off_the_mailbox_is_read_and_ses_sends",
        "smtp_auth_disabled",
    ),
    **_outside(
        _AT_PROVIDER,
        "integration/test_imap_session.py::test_a_refused_sign_in_has_the_code_of_whom_can_mend_it",
        *("app_password_required", "password_expired", "imap_disabled", "administrator_needed"),
        "server_alert",
    ),
    **_outside(
        _AT_PROVIDER,
        "integration/test_server_habits.py::"
        "test_a_mailbox_that_exchange_does_not_open_is_not_connected_and_says_whom_to_ask",
        "mailbox_not_opened",
    ),
    **_outside(
        _AT_PROVIDER,
        "integration/test_imap_session.py::test_exchange_online_asks_for_sign_in_with_microsoft",
        "sign_in_with_provider",
    ),
    **_outside(
        _AT_PROVIDER,
        "integration/test_oauth.py::test_what_is_no_answer_costs_no_sign_in_and_is_asked_again",
        "provider_unavailable",
    ),
    **_outside(
        _AT_PROVIDER,
        "integration/test_oauth.py::test_an_address_that_the_provider_has_not_verified_is_none",
        "address_unknown",
    ),
    **_outside(
        _AT_PROVIDER,
        "integration/test_server_habits.py::test_another_service_at_the_port_is_named",
        "pop3_unsupported",
    ),
    **_outside(
        _AT_SERVER,
        "integration/test_server_habits.py::"
        "test_a_server_that_is_busy_at_the_inbox_is_not_connected_and_says_so",
        "server_unavailable",
    ),
    **_outside(
        _AT_SERVER,
        "integration/test_imap_session.py::test_a_server_that_goes_away_is_reported",
        "connection_lost",
    ),
    **_outside(
        _AT_SERVER,
        "integration/test_server_habits.py::"
        "test_an_inbox_that_the_server_does_not_open_is_told_when_connecting",
        "inbox_not_found",
    ),
    **_outside(
        _AT_SERVER,
        "integration/test_imap_session.py::test_a_server_without_logins_by_password_is_reported",
        "sign_in_unsupported",
    ),
    **_outside(
        _AT_SERVER,
        "integration/test_server_habits.py::"
        "test_the_third_wrong_password_at_a_server_that_delays_refusals_names_the_sign_in",
        "sign_in_unanswered",
    ),
    **_outside(
        _AT_SERVER,
        "integration/test_imap_session.py::test_a_certificate_of_another_name_is_refused",
        "certificate_invalid",
    ),
    **_each(
        f"{_CONNECTING}::test_host_not_allowed_a_network_that_the_operator_allows_is_connected",
        "host_not_allowed",
    ),
    **_each(
        f"{_CONNECTING}::test_probe_failed_tried_again_it_is_connected",
        "probe_failed",
    ),
    **_outside(
        _BY_OPERATOR,
        "integration/test_oauth.py::test_what_cannot_be_begun_is_refused_before_any_browser_leaves",
        "provider_not_configured",
    ),
    **_outside(
        _BY_OPERATOR,
        "integration/test_oauth.py::test_what_is_no_answer_costs_no_sign_in_and_is_asked_again",
        "provider_misconfigured",
    ),
    **_outside(
        _BY_OPERATOR,
        "integration/test_oauth.py::test_an_id_token_of_another_issuer_is_refused",
        "id_token_invalid",
    ),
    **_outside(
        _BY_OPERATOR,
        "integration/test_prove_address.py::"
        "test_without_a_mailbox_that_sends_them_there_are_no_codes",
        "proof_sender_missing",
    ),
    **_outside(
        _BY_OPERATOR,
        "integration/test_prove_address.py::test_a_code_that_could_not_be_sent_is_reported",
        "proof_code_not_sent",
    ),
    **_outside(
        _BY_OPERATOR,
        "integration/test_feed.py::test_what_fails_for_good_is_refused_and_passed",
        "event_not_kept",
    ),
    **_outside(
        _BY_OPERATOR,
        "integration/test_waiting_events.py::"
        "test_an_event_that_fails_each_time_is_listed_and_skipped",
        "event_failed",
    ),
    **_outside(
        _BY_OPERATOR,
        "integration/test_trust.py::test_a_poll_that_fails_for_a_reason_of_ours_is_reported_until_one_succeeds",
        "internal_error",
    ),
    **_outside(
        _BY_OPERATOR,
        "integration/test_deaths.py::"
        "test_six_hours_of_killed_syncs_are_an_error_and_no_complete_card",
        "news_waiting",
    ),
    **_outside(
        _BY_OPERATOR,
        "integration/test_deaths.py::test_a_mailbox_that_nobody_polls_is_not_healthy",
        "poll_overdue",
    ),
    **_outside(
        _NOTHING,
        "unit/test_notifications.py::test_another_key_and_another_digest_are_refused",
        "notification_forged",
    ),
    **_each(
        f"{_REQUESTS}::test_unauthorized_the_header_that_the_remedy_names_opens_the_account",
        "unauthorized",
    ),
    **_each(
        f"{_REQUESTS}::test_invalid_signature_events_signed_as_the_remedy_says_are_accepted",
        "invalid_signature",
    ),
    **_each(
        f"{_REQUESTS}::test_stale_timestamp_events_signed_at_the_time_of_sending_are_accepted",
        "stale_timestamp",
    ),
    **_each(
        f"{_REQUESTS}::test_not_found_what_the_remedy_has_checked_is_there",
        "not_found",
    ),
    **_each(
        f"{_REQUESTS}::test_method_not_allowed_a_method_of_the_header_is_taken",
        "method_not_allowed",
    ),
    **_each(
        f"{_REQUESTS}::test_too_many_requests_after_the_seconds_that_the_header_names_it_is_done",
        "too_many_requests",
    ),
    **_each(
        f"{_REQUESTS}::test_body_too_large_less_than_the_limit_of_the_answer_is_taken",
        "body_too_large",
    ),
    **_each(
        f"{_REQUESTS}::test_malformed_json_is_taken_once_it_is_json",
        "malformed_json",
    ),
    **_each(
        f"{_REQUESTS}::"
        "test_missing_field_fields_are_added_as_details_name_them_until_it_is_connected",
        "missing_field",
    ),
    **_each(
        f"{_REQUESTS}::test_unknown_event_type_the_types_of_the_document_are_taken",
        "unknown_event_type",
    ),
    **_each(
        f"{_REQUESTS}::test_event_ahead_the_event_is_sent_again_under_its_id_with_the_right_time",
        "event_ahead",
    ),
    **_each(
        f"{_REQUESTS}::test_user_unknown_once_the_user_was_sent_the_mailbox_is_connected",
        "user_unknown",
    ),
    **_each(
        f"{_REQUESTS}::test_mailbox_busy_once_it_is_erased_the_address_is_connected_again",
        "mailbox_busy",
    ),
    **_each(
        f"{_SIGN_IN}::test_provider_unsupported_the_calls_and_providers_of_the_remedy_are_taken",
        "provider_unsupported",
    ),
    **_each(
        f"{_SIGN_IN}::test_provider_signs_in_in_the_browser_or_with_imap_and_an_app_password",
        "provider_signs_in",
    ),
    **_each(
        f"{_SIGN_IN}::"
        "test_return_url_not_allowed_a_listed_one_is_taken_and_one_that_the_operator_adds",
        "return_url_not_allowed",
    ),
    **_each(
        f"{_CONNECTING}::test_host_unknown_with_the_right_name_it_is_connected",
        "host_unknown",
    ),
    **_each(
        f"{_CONNECTING}::test_connect_refused_the_ports_that_the_remedy_names_are_answered",
        "connect_refused",
    ),
    **_each(
        f"{_CONNECTING}::test_connect_timeout_the_port_and_its_security_are_corrected",
        "connect_timeout",
    ),
    **_each(
        f"{_CONNECTING}::test_tls_failed_the_security_that_fits_the_detail_is_taken",
        "tls_failed",
    ),
    **_each(
        f"{_CONNECTING}::test_starttls_missing_the_security_and_the_ports_of_the_remedy_are_taken",
        "starttls_missing",
    ),
    **_each(
        f"{_CONNECTING}::test_protocol_error_host_and_port_of_the_right_service_are_taken",
        "protocol_error",
    ),
    **_each(
        f"{_CONNECTING}::"
        "test_another_service_the_ports_of_the_server_with_which_the_detail_begins_are_taken",
        "another_service",
    ),
    **_each(
        f"{_CONNECTING}::test_sign_in_failed_with_the_right_name_and_password_it_is_connected",
        "sign_in_failed",
    ),
    **_each(
        f"{_CONNECTING}::test_sent_not_found_a_folder_of_the_name_or_named_in_the_setting_is_found",
        "sent_not_found",
    ),
    **_each(
        f"{_SIGN_IN}::test_state_unknown_beginning_again_gives_a_link_that_works_once_more",
        "state_unknown",
    ),
    **_each(
        f"{_SIGN_IN}::test_a_sign_in_that_is_begun_again_connects_after_it_was_refused",
        *("state_expired", "sign_in_cancelled", "code_refused"),
    ),
    **_each(
        f"{_SIGN_IN}::"
        "test_address_mismatch_the_expected_account_or_the_address_as_login_hint_connects",
        "address_mismatch",
    ),
    **_each(
        f"{_SIGN_IN}::test_state_unknown_beginning_again_gives_a_link_that_works_once_more",
        "state_unknown",
    ),
    **_each(
        f"{_SIGN_IN}::test_a_sign_in_that_is_begun_again_connects_after_it_was_refused",
        *("state_expired", "sign_in_cancelled", "code_refused"),
    ),
    **_each(
        f"{_SIGN_IN}::"
        "test_address_mismatch_the_expected_account_or_the_address_as_login_hint_connects",
        "address_mismatch",
    ),
    **_each(
        f"{_SENDING}::test_address_of_another_user_that_user_connects_it_or_the_crm_is_corrected",
        "address_of_another_user",
    ),
    **_each(
        f"{_SENDING}::test_address_of_person_entered_at_the_user_or_another_address_connects",
        "address_of_person",
    ),
    **_each(
        f"{_SENDING}::test_address_unproven_by_the_crm_or_by_a_code_it_sends_through_ses",
        "address_unproven",
    ),
    **_each(
        f"{_SENDING}::"
        "test_transport_unavailable_connected_with_its_submission_server_or_by_ses_it_is_sent",
        "transport_unavailable",
    ),
    **_each(
        f"{_SENDING}::test_from_not_yours_from_an_own_mailbox_or_a_connected_address_it_is_sent",
        "from_not_yours",
    ),
    **_each(
        f"{_SENDING}::test_no_recipient_an_address_in_any_of_the_fields_is_enough",
        "no_recipient",
    ),
    **_each(
        f"{_SENDING}::test_too_many_recipients_as_many_as_the_limit_of_the_answer_are_sent_to",
        "too_many_recipients",
    ),
    **_each(
        f"{_SENDING}::test_message_too_large_with_smaller_attachments_or_a_link_it_is_sent",
        "message_too_large",
    ),
    **_each(
        f"{_SENDING}::test_upload_unknown_once_the_bytes_are_put_to_the_link_it_is_sent",
        "upload_unknown",
    ),
    **_each(
        f"{_SENDING}::test_rate_limit_reached_after_the_time_of_the_answer_it_is_sent",
        "rate_limit_reached",
    ),
    **_each(
        f"{_SENDING}::test_idempotency_conflict_with_a_new_key_it_is_sent_and_the_same_key_repeats",
        "idempotency_conflict",
    ),
    **_each(
        f"{_SENDING}::test_sent_already_the_call_of_the_remedy_says_how_far_it_is",
        "sent_already",
    ),
}

_CONNECTED: dict[str, Outcome] = {
    **_each(
        f"{_API}::test_sign_in_failed_connecting_with_the_present_password_goes_on",
        "sign_in_failed",
    ),
    **_each(
        f"{_API}::test_folder_unknown_folders_that_the_preview_lists_or_all_are_read_again",
        "folder_unknown",
    ),
    **_outside(
        _AT_SERVER,
        "unit/test_words.py::test_a_mailbox_that_has_worked_is_not_to_be_corrected",
        *("host_unknown", "host_not_allowed", "connect_refused", "connect_timeout"),
        *("server_unavailable", "connection_lost", "mailbox_not_opened", "sign_in_unanswered"),
        *("tls_failed", "certificate_invalid", "starttls_missing", "protocol_error"),
    ),
    **_each(
        "integration/test_trust.py::"
        "test_a_poll_that_fails_for_a_reason_of_ours_is_reported_until_one_succeeds",
        "internal_error",
    ),
}

_VERDICTS: dict[str, Outcome] = {
    **_each(f"{_API}::test_outside_window_an_earlier_day_brings_the_message_in", "outside_window"),
    **_each(f"{_API}::test_no_person_an_address_that_is_added_brings_the_message_in", "no_person"),
    **_each(
        f"{_API}::test_too_many_recipients_a_raised_limit_brings_the_message_in",
        "too_many_recipients",
    ),
    **_each(
        "integration/test_every_folder.py::"
        "test_a_message_with_the_flag_of_a_draft_is_not_mirrored_before_it_is_sent",
        "draft",
    ),
    **_each(
        "integration/test_problems.py::"
        "test_a_message_that_the_server_does_not_return_is_listed_until_it_does",
        "pending",
    ),
    **_each(
        f"{_API}::test_internal_report_and_mirrored_have_nothing_to_be_done",
        *("internal", "report", "mirrored"),
    ),
    **_each(f"{_API}::test_blocked_a_block_that_is_removed_brings_the_message_in", "blocked"),
    **_outside(
        _NOTHING,
        "integration/test_containment.py::"
        "test_a_message_that_was_gone_and_is_listed_again_is_read_in_the_end",
        "gone",
    ),
    **_outside(
        "The person opens the message in their own mail program.",
        "integration/test_problems.py::"
        "test_a_message_whose_headers_cannot_be_understood_is_listed_behind_the_others",
        "unreadable",
    ),
}

_CAUSES: dict[str, Outcome] = {
    **_each(
        "integration/test_problems.py::"
        "test_a_message_that_the_server_does_not_return_is_listed_until_it_does",
        "message_not_returned",
    ),
    **_each(
        "integration/test_problems.py::test_a_message_that_is_deleted_at_the_server_is_listed_no_more",
        *("message_refused", "message_breaks_connection"),
    ),
    **_outside(
        "The person opens the message in their own mail program, and the operator reads the log.",
        "integration/test_problems.py::test_a_message_at_which_functions_die_is_listed",
        *("message_too_heavy", "message_not_stored", "message_headers_only", "message_unreadable"),
    ),
}

_GAPS: dict[str, Outcome] = {
    **_each(
        f"{_API}::test_no_mailbox_and_first_sync_end_with_a_mailbox_that_is_read",
        *("no_mailbox", "first_sync"),
    ),
    **_each(f"{_API}::test_disconnected_connecting_again_makes_the_card_complete", "disconnected"),
    **_each(
        "integration/test_pause.py::"
        "test_a_card_says_since_when_the_mailbox_is_paused_and_how_to_go_on",
        "paused",
    ),
    **_each(
        f"{_API}::test_late_facts_a_pass_that_is_asked_for_makes_the_card_complete", "late_facts"
    ),
    **_each(
        f"{_API}::test_events_refused_the_list_names_what_the_crm_sends_again", "events_refused"
    ),
    **_each(
        f"{_API}::test_entries_unread_the_list_names_the_address_and_correcting_it_helps",
        "entries_unread",
    ),
    **_each(
        "integration/test_waiting_events.py::"
        "test_a_card_says_that_accepted_events_wait_until_they_are_applied",
        "events_waiting",
    ),
    **_each(
        "integration/test_late_deals.py::"
        "test_a_fact_that_takes_mail_off_a_deal_makes_its_card_incomplete_until_it_is_matched",
        "matches_pending",
    ),
    **_outside(
        _NOTHING,
        "unit/test_coverage.py::"
        "test_a_card_is_complete_where_each_of_its_mailboxes_and_the_feed_are",
        "erasing",
    ),
    **_each(
        "integration/test_association_races.py::"
        "test_a_long_thread_is_attached_at_once_and_indexed_by_the_queue",
        "thread_pending",
    ),
    **_each(
        f"{_REQUESTS}::test_feed_silent_the_first_event_that_comes_as_the_document_says_ends_it",
        "feed_silent",
    ),
}

_LIMITS: dict[str, Outcome] = {
    **_each(
        f"{_API}::test_persons_blocked_the_block_is_found_and_removed",
        "persons_blocked",
    ),
    **_each(
        f"{_API}::test_a_card_says_that_the_limit_of_recipients_leaves_mail_out_until_it_is_raised",
        "too_many_recipients",
    ),
    **_each(
        "integration/test_every_folder.py::test_a_card_tells_within_which_limits_it_is_complete",
        *("folders_left_out", "trash_not_found", "junk_not_found", "drafts_not_found"),
    ),
    **_outside(
        _AT_PROVIDER,
        "integration/test_gmail.py::test_where_all_mail_is_hidden_the_folders_of_labels_are_read",
        "all_mail_hidden",
    ),
    **_outside(
        _AT_PROVIDER,
        "integration/test_gmail.py::test_a_folder_that_gmail_limits_is_read_as_far_as_it_is_shown",
        "folder_limited",
    ),
    **_outside(
        _AT_SERVER,
        "integration/test_folder_faults.py::"
        "test_a_folder_that_is_listed_without_its_name_hides_no_other_and_is_a_limit_of_the_card",
        "folder_unreadable",
    ),
}

_UNCOUNTED: dict[str, Outcome] = {
    **_each(
        "integration/test_left_out_folders.py::"
        "test_a_folder_that_the_setting_leaves_out_says_so_in_the_ledger_until_it_is_read_again",
        *("named", "setting"),
    ),
}

_FOLDERS: dict[str, Outcome] = {
    **_each(
        "integration/test_namespaces.py::"
        "test_a_folder_that_the_setting_names_is_read_and_polled_in_any_namespace",
        "other_namespace",
    ),
    **_each(
        "integration/test_explain.py::test_folder_left_out_the_call_has_it_read_too",
        "setting",
    ),
    **_each(
        f"{_API}::test_trash_junk_and_no_mail_a_message_that_is_moved_from_there_is_mirrored",
        *("trash", "junk", "no_mail"),
    ),
    **_outside(
        _NOTHING,
        "integration/test_preview.py::"
        "test_folders_are_shown_with_why_they_are_not_read_and_what_they_hold",
        *("not_selectable", "drafts", "outbox", "collection", "in_all_mail"),
    ),
}

_DELIVERY: dict[str, Outcome] = {
    **_each("integration/test_delivery_errors.py::test_greylisting_is_survived", "greylisted"),
    **_outside(
        _AT_SERVER,
        "integration/test_delivery_errors.py::"
        "test_what_refuses_for_good_is_final_at_once_and_kept_in_the_servers_words",
        *("unknown_failure", "sending_limit_reached", "recipient_unknown", "mailbox_full"),
        *("refused_by_policy", "sender_not_allowed", "domain_not_found", "address_unsupported"),
        "complaint",
    ),
    **_outside(
        _BY_OPERATOR,
        "integration/test_feedback.py::test_a_bounce_is_one_by_its_kind_or_by_the_servers_words",
        "suppressed",
    ),
    **_each(
        f"{_SENDING}::test_sandbox_once_the_operator_has_verified_the_address_it_is_sent_to",
        "sandbox",
    ),
    **_outside(
        _BY_OPERATOR,
        "integration/test_delivery_errors.py::"
        "test_what_fails_here_again_and_again_ends_within_a_day_and_says_so",
        "internal_error",
    ),
    **_outside(
        _NOTHING,
        "integration/test_delivery_errors.py::"
        "test_what_refuses_for_now_is_tried_again_and_says_why_it_waits",
        "server_unavailable",
    ),
    **_outside(
        "The person looks into Sent, or asks the recipient.",
        "integration/test_delivery_errors.py::"
        "test_what_breaks_after_the_last_byte_is_never_sent_again",
        "outcome_unknown",
    ),
    **_each(
        f"{_SENDING}::test_message_too_large_for_a_server_is_sent_as_a_link",
        "message_too_large",
    ),
    **_each(
        f"{_SENDING}::test_sign_in_failed_the_mailbox_connected_again_sends",
        "sign_in_failed",
    ),
    **_each(
        f"{_SENDING}::test_timed_out_sent_again_later_it_arrives",
        "timed_out",
    ),
    **_each(
        f"{_SENDING}::test_draft_lost_the_message_is_composed_again",
        "draft_lost",
    ),
}

_REASONS: dict[str, Outcome] = {
    **_each(
        "integration/test_whereabouts.py::"
        "test_every_reason_has_a_call_that_takes_the_message_off_the_deal",
        *("match", "thread_attached", "message_attached"),
    ),
    **_each(
        "integration/test_deal_threads.py::"
        "test_a_thread_that_was_taken_off_can_be_put_back_and_off_again",
        "thread_detached",
    ),
    **_each(
        "integration/test_deal_threads.py::"
        "test_a_message_that_was_taken_off_can_be_put_back_and_off_again",
        "message_detached",
    ),
}

_STANDINGS: dict[str, Outcome] = {
    **_each(
        "integration/test_whereabouts.py::"
        "test_an_override_that_counts_has_the_call_that_undoes_it_and_no_other_has",
        "counts",
    ),
    **_outside(
        _NOTHING,
        "integration/test_whereabouts.py::test_an_event_that_came_late_is_told_as_replaced",
        "replaced",
    ),
    **_each(
        "integration/test_overrides.py::test_an_override_on_a_message_comes_before_its_threads",
        "outranked",
    ),
}

_EFFECTS: dict[str, Outcome] = {
    **_each(
        f"{_API}::test_too_many_recipients_a_raised_limit_brings_the_message_in", "max_recipients"
    ),
    **_each(
        f"{_API}::test_mailbox_limit_disconnecting_the_other_or_a_higher_limit_helps",
        "mailboxes_per_user",
    ),
    **_each(
        f"{_API}::"
        "test_deal_policy_the_card_says_when_it_is_worked_off_also_while_another_gap_stays",
        "deal_policy",
    ),
    **_each(
        "integration/test_deleted_mail.py"
        "::test_it_is_shown_again_once_the_account_keeps_what_is_deleted",
        "deleted_mail",
    ),
    **_outside(
        _NOTHING,
        f"{_API}::test_messages_a_day_and_language_hold_at_once",
        *("messages_a_day", "language"),
    ),
}

_FAULTS: dict[str, Outcome] = {
    **_outside(
        _NOTHING,
        "integration/test_deep_audit.py::test_every_fault_is_reported_by_its_kind_and_repaired",
        *(str(one) for one in FaultKind if one is not FaultKind.NOT_AUDITED),
    ),
    **_each(
        "integration/test_audit_deaths.py"
        "::test_the_message_at_which_an_audit_is_killed_is_named_and_the_others_are_audited",
        str(FaultKind.NOT_AUDITED),
    ),
}

_FINDINGS: dict[str, Outcome] = {
    **_each(f"{_DISCOVERY}::test_autoconfig_over_https_connects_the_mailbox_as_it_is", "password"),
    **_each(
        f"{_DISCOVERY}::test_an_own_domain_at_google_or_microsoft_is_signed_in_to_in_the_browser",
        *("sign_in", "sign_in_not_set_up"),
    ),
    **_each(
        f"{_DISCOVERY}::test_an_app_password_connects_where_the_provider_wants_one",
        "app_password",
    ),
    **_each(f"{_DISCOVERY}::test_an_issued_user_name_is_put_into_the_settings", "issued_sign_in"),
    **_outside(
        "The person opens a mailbox elsewhere.",
        f"{_DISCOVERY}::test_a_provider_without_imap_is_named_with_why",
        *("bridge_only", "no_imap"),
    ),
    **_each(
        f"{_DISCOVERY}::test_pop3_alone_is_told_until_its_administrator_switches_imap_on",
        "pop3_only",
    ),
    **_each(
        f"{_HOSTILE_DOMAIN}::test_a_server_that_answers_again_is_found_again", "server_refused"
    ),
    **_each(f"{_DISCOVERY}::test_an_address_that_is_corrected_is_found", "domain_unknown"),
    **_each(
        f"{_DISCOVERY}::test_a_domain_that_is_unknown_or_takes_no_mail_is_told_at_once",
        "no_mail",
    ),
    **_each(
        f"{_HOSTILE_DOMAIN}::test_a_name_server_that_is_silent_is_named_until_it_answers",
        "unanswered",
    ),
    **_each(
        f"{_DISCOVERY}::test_nothing_found_is_connected_with_what_the_administrator_says",
        "not_found",
    ),
}

_OUTCOMES: dict[str, Outcome] = {
    **_outside(
        _NOTHING,
        f"{_DISCOVERY}::test_autoconfig_over_https_connects_the_mailbox_as_it_is",
        "found",
    ),
    **_each(
        f"{_HOSTILE_DOMAIN}::test_a_file_that_is_not_used_is_named_and_once_corrected_it_counts",
        *("nothing", "unanswered", "file_unreadable", "file_with_dtd"),
    ),
    **_each(
        f"{_DISCOVERY}::test_a_name_that_is_only_guessed_is_found_once_the_administrator_gives_it",
        "no_host",
    ),
    **_each(f"{_HOSTILE_DOMAIN}::test_a_file_that_is_too_large_is_replaced", "file_too_large"),
    **_each(
        f"{_HOSTILE_DOMAIN}::test_a_few_redirects_are_followed_and_more_are_not",
        "redirect_refused",
    ),
    **_each(
        f"{_HOSTILE_DOMAIN}"
        "::test_a_server_of_a_file_that_cannot_be_used_is_named_until_it_is_corrected",
        *("no_tls", "sign_in_unusable"),
    ),
}

_EXPLAIN = "integration/test_explain.py"
_MISSING: dict[str, Outcome] = {
    **_each(f"{_EXPLAIN}::test_shown_a_message_is_explained_with_where_it_is", "shown"),
    **_each(
        f"{_EXPLAIN}::test_detached_by_whom_and_when_is_told_with_the_call_that_attaches_it",
        "detached",
    ),
    **_each(
        "integration/test_card_overrides.py::"
        "test_taken_off_is_explained_with_the_call_that_puts_it_back",
        "taken_off",
    ),
    **_each(f"{_EXPLAIN}::test_contained_says_why_and_tries_again", "contained"),
    **_each(f"{_EXPLAIN}::test_not_synced_the_call_has_it_read", "not_synced"),
    **_each(f"{_EXPLAIN}::test_first_sync_it_comes_by_itself", "first_sync"),
    **_each(
        f"{_EXPLAIN}::test_waits_what_was_judged_before_an_address_was_added_is_judged_again",
        "waits",
    ),
    **_each(f"{_EXPLAIN}::test_not_stored_a_deep_audit_stores_it_again", "not_stored"),
    **_each(f"{_EXPLAIN}::test_paused_the_call_goes_on", "paused"),
    **_each(f"{_EXPLAIN}::test_blocked_the_calls_remove_the_blocks", "blocked"),
    **_each(
        f"{_EXPLAIN}::test_no_person_the_addresses_are_named_and_one_that_is_added_brings_it_in",
        "no_person",
    ),
    **_each(f"{_EXPLAIN}::test_outside_window_the_call_moves_the_window", "outside_window"),
    **_each(
        f"{_EXPLAIN}::"
        "test_too_many_recipients_the_call_raises_the_limit_as_far_as_the_message_needs",
        "too_many_recipients",
    ),
    **_outside(
        "The person opens the message in their own mail program.",
        f"{_EXPLAIN}::test_beyond_recipients_no_call_could_help",
        "beyond_recipients",
    ),
    **_each(
        f"{_EXPLAIN}::test_folder_left_out_the_call_has_it_read_too",
        "folder_left_out",
    ),
    **_each(
        f"{_EXPLAIN}::"
        "test_trash_and_junk_are_searched_whatever_the_setting_and_a_moved_message_comes_in",
        *("trash", "junk"),
    ),
    **_each(
        f"{_EXPLAIN}::test_no_mail_folder_a_message_in_exchanges_calendar_is_found",
        "no_mail_folder",
    ),
    **_each(
        "integration/test_explain_searches.py::"
        "test_collection_what_is_only_where_messages_are_shown_once_more_can_be_moved",
        "collection",
    ),
    **_each(f"{_EXPLAIN}::test_draft_by_its_folder_or_its_flag_and_what_is_sent_comes_in", "draft"),
    **_outside(
        _NOTHING,
        f"{_EXPLAIN}::test_internal_report_and_unreadable_say_so",
        *("internal", "report"),
    ),
    **_outside(
        "The person opens the message in their own mail program.",
        f"{_EXPLAIN}::test_internal_report_and_unreadable_say_so",
        "unreadable",
    ),
    **_each(
        f"{_EXPLAIN}::test_deleted_where_the_account_follows_deletions_the_call_keeps_it",
        "deleted",
    ),
    **_each(
        f"{_EXPLAIN}::test_deleted_unread_is_told_of_a_message_that_named_the_mailbox",
        "deleted_unread",
    ),
    **_outside(
        "The person corrects what they ask for, or asks the sender.",
        f"{_EXPLAIN}::test_not_in_mailbox_is_told_of_what_is_nowhere",
        "not_in_mailbox",
    ),
    **_each(
        "integration/test_explain_mailboxes.py::"
        "test_sign_in_needed_comes_first_and_what_is_stored_is_explained",
        "sign_in_needed",
    ),
    **_each(
        "integration/test_explain_mailboxes.py::test_unreachable_what_is_stored_is_explained",
        "unreachable",
    ),
    **_each(
        "integration/test_explain_mailboxes.py::test_disconnected_what_is_kept_is_explained",
        "disconnected",
    ),
    **_each(
        "integration/test_explain_searches.py::"
        "test_search_incomplete_what_was_not_reached_is_named_and_asked_again_it_is_found",
        "search_incomplete",
    ),
    **_outside(
        "The person asks their colleagues.",
        "integration/test_explain_mailboxes.py::"
        "test_colleague_is_told_by_an_exact_message_id_alone_and_nothing_of_the_message_is",
        "colleague",
    ),
}

_DOCTOR, _CERTIFICATES = "integration/test_doctor.py", "integration/test_doctor_certificates.py"
_NAMED_CAUSES: dict[str, Outcome] = {
    **_outside(
        _AT_SERVER,
        f"{_DOCTOR}::test_a_handshake_that_breaks_off_is_named",
        "handshake_failed",
    ),
    **_outside(
        _AT_SERVER,
        f"{_DOCTOR}::test_what_a_server_refuses_after_its_capabilities_is_its_owners_to_mend",
        "command_refused",
    ),
    **_each(
        f"{_CERTIFICATES}::test_a_server_of_old_versions_of_tls_alone_is_named",
        "tls_version_refused",
    ),
    **_outside(
        _AT_SERVER,
        f"{_CERTIFICATES}::test_a_server_without_a_common_cipher_is_named",
        "tls_cipher_refused",
    ),
    **_each(
        f"{_DOCTOR}::test_an_offer_that_a_device_has_overwritten_is_named", "starttls_stripped"
    ),
    **_each(
        f"{_DOCTOR}::test_an_offer_that_is_refused_is_named_with_the_servers_words",
        "starttls_refused",
    ),
    **_each(
        f"{_CERTIFICATES}::test_a_certificate_that_signs_itself_is_named",
        "certificate_self_signed",
    ),
    **_each(
        f"{_CERTIFICATES}::test_a_certificate_that_has_expired_is_named_with_its_dates",
        "certificate_expired",
    ),
    **_outside(
        _AT_SERVER,
        f"{_CERTIFICATES}::test_a_certificate_that_is_not_valid_yet_is_named",
        "certificate_not_yet_valid",
    ),
    **_each(
        f"{_CERTIFICATES}::test_a_certificate_of_another_name_is_named_with_its_names",
        "certificate_other_name",
    ),
    **_each(
        f"{_CERTIFICATES}::test_a_chain_without_its_intermediate_is_named",
        "certificate_chain_incomplete",
    ),
    **_each(
        f"{_CERTIFICATES}::test_a_certificate_of_an_authority_of_ones_own_is_named",
        "certificate_untrusted",
    ),
    **_outside(
        _AT_SERVER,
        f"{_CERTIFICATES}::test_a_certificate_that_cannot_be_checked_is_named_with_the_reason",
        "certificate_unchecked",
    ),
    **_each(f"{_DOCTOR}::test_swapped_servers_are_named_at_both", "servers_swapped"),
    **_each(
        f"{_DOCTOR}::test_a_user_name_of_another_form_than_the_providers_is_named",
        "sign_in_name_differs",
    ),
    **_outside(
        "The person closes programs, waits, or deletes mail at the provider.",
        f"{_DOCTOR}::test_a_server_that_serves_no_one_for_now_is_named_by_its_words",
        *("too_many_connections", "throttled", "over_quota"),
    ),
    **_each(
        "integration/test_doctor_mailboxes.py::test_a_first_sync_that_is_running_is_a_warning",
        "first_sync",
    ),
    **_each(
        f"{_SIGN_IN}::test_the_doctor_says_that_the_same_account_is_needed_again",
        "same_account_needed",
    ),
    **_outside(
        _AT_PROVIDER,
        f"{_SIGN_IN}::test_the_doctor_knows_an_app_in_testing_by_the_seven_days",
        "app_in_testing",
    ),
    **_outside(
        _AT_SERVER,
        f"{_DOCTOR}::test_what_there_was_no_time_for_is_named",
        "time_is_up",
    ),
    **_each(f"{_CERTIFICATES}::test_a_certificate_that_signs_itself_is_named", "not_tried"),
}

_BY_TITLE: Mapping[str, Mapping[str, Outcome]] = {
    "Problems": _PROBLEMS,
    "Problems of a connected mailbox": _CONNECTED,
    "Verdicts": _VERDICTS,
    "Messages that could not be read": _CAUSES,
    "Gaps of cards": _GAPS,
    "Limits of cards": _LIMITS,
    "Folders that are not read": _FOLDERS,
    "Folders of a ledger whose copies do not count": _UNCOUNTED,
    "Delivery errors": _DELIVERY,
    "Reasons to be on a deal, or off it": _REASONS,
    "What is off the card of a person": _each(
        "integration/test_card_overrides.py::test_where_a_message_is_names_what_keeps_it_off_a_card",
        *("account", "owner"),
    ),
    "Attaches and detaches": _STANDINGS,
    "Changed settings": _EFFECTS,
    "Changed settings of a mailbox": {
        **_each(
            "integration/test_settings.py::test_each_setting_of_a_mailbox_says_when_it_takes_effect",
            *("folders", "sent_folders", "history_since"),
        ),
        **_outside(
            _NOTHING,
            "integration/test_settings.py::test_each_setting_of_a_mailbox_says_when_it_takes_effect",
            "paused",
        ),
    },
    "What is found out about an address": _FINDINGS,
    "What came of asking for settings": _OUTCOMES,
    "Faults that a deep audit finds": _FAULTS,
    "Causes that a doctor names": _NAMED_CAUSES,
    "Causes of missing mail": _MISSING,
}

FOLLOWED: Mapping[Entry, Outcome] = {
    (title, code): outcome
    for title, outcomes in _BY_TITLE.items()
    for code, outcome in outcomes.items()
}


def named_test_exists(test: str) -> bool:
    """Tell whether a file below tests/ has the test of this name."""
    file, _, name = test.partition("::")
    return name in _tests_of(file)


@cache
def _tests_of(file: str) -> frozenset[str]:
    tree = ast.parse((ROOT / "tests" / file).read_text("utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
