"""Every write of tenants, members, keys, upstreams, collections, policies and alert channels.

Each is one transaction in the order of `tenants.audit`, checks everything it is given (ValidationError by field)
and returns the row as stored. A write that changes nothing leaves no entry.
"""

from tenants.actions.channels import (
    SIGNING_OVERLAP,
    IssuedChannel,
    add_channel,
    change_channel,
    delete_channel,
    reseal_signing_secrets,
    rotate_channel_secret,
)
from tenants.actions.collections import add_collection, change_collection, delete_collection
from tenants.actions.keys import (
    DEFAULT_OVERLAP,
    MAX_OVERLAP,
    IssuedKey,
    change_key,
    issue_key,
    note_use,
    revoke_key,
    rotate_key,
)
from tenants.actions.members import (
    INVITATION_LIFE,
    InvitationOver,
    Invited,
    accept_invitation,
    invite,
    open_invitation,
    remove_member,
    set_role,
    withdraw_invitation,
)
from tenants.actions.people import add_person, change_person, note_password, note_sign_in_link, remove_person
from tenants.actions.playground import PASS_LIFE, GivenPass, end_playground, open_playground
from tenants.actions.policies import activate_policy, discard_policy, draft_policy, note_proof, save_policy
from tenants.actions.second_factors import reseal_second_factors
from tenants.actions.tenant_keys import renew_placeholder_key, reseal_placeholder_keys, reseal_transcript_keys
from tenants.actions.tenants import (
    change_tenant,
    create_tenant,
    delete_tenant,
    note_forgotten_transcripts,
    note_purge,
    note_transcript_seen,
)
from tenants.actions.upstreams import (
    UNCHANGED,
    Resealed,
    Unchanged,
    add_upstream,
    change_upstream,
    check_resolved,
    delete_upstream,
    reseal_credentials,
    settled_base_url,
)
from tenants.actions.views import delete_view, rename_view, save_view

__all__ = [
    "DEFAULT_OVERLAP",
    "INVITATION_LIFE",
    "GivenPass",
    "InvitationOver",
    "Invited",
    "IssuedChannel",
    "IssuedKey",
    "MAX_OVERLAP",
    "PASS_LIFE",
    "Resealed",
    "SIGNING_OVERLAP",
    "UNCHANGED",
    "Unchanged",
    "accept_invitation",
    "activate_policy",
    "add_channel",
    "add_collection",
    "add_person",
    "add_upstream",
    "change_channel",
    "change_collection",
    "change_key",
    "change_person",
    "change_tenant",
    "change_upstream",
    "check_resolved",
    "create_tenant",
    "delete_channel",
    "delete_collection",
    "delete_tenant",
    "delete_upstream",
    "delete_view",
    "discard_policy",
    "draft_policy",
    "end_playground",
    "invite",
    "issue_key",
    "note_password",
    "note_proof",
    "note_sign_in_link",
    "note_forgotten_transcripts",
    "note_purge",
    "note_transcript_seen",
    "note_use",
    "open_invitation",
    "open_playground",
    "remove_member",
    "renew_placeholder_key",
    "remove_person",
    "rename_view",
    "reseal_credentials",
    "reseal_placeholder_keys",
    "reseal_transcript_keys",
    "reseal_second_factors",
    "reseal_signing_secrets",
    "revoke_key",
    "rotate_channel_secret",
    "rotate_key",
    "save_policy",
    "save_view",
    "set_role",
    "settled_base_url",
    "withdraw_invitation",
]
