"""Credentials that say by their form what they are. After gitleaks' rules; each has a fixed beginning."""

from proxy.privacy.detection.recognisers.base import Form, LinearRecognizer, Span
from tenants import keys

_BORDER = r"(?:^|[^0-9A-Za-z_])"
# The name, the hint by which the prefilter knows it, and the token itself.
_TOKENS = (
    ("llmp", "llmp_", keys.SCANNER_REGEX.strip(r"\b")),
    ("anthropic", "sk-ant-", r"sk-ant-[0-9a-z]{2,12}-[0-9A-Za-z_-]{20,200}"),
    ("openai", "sk-", r"sk-(?:proj|svcacct|admin|None)-[0-9A-Za-z_-]{20,250}|sk-[0-9A-Za-z]{40,60}"),
    ("openrouter", "sk-or-", r"sk-or-v1-[0-9a-f]{64}"),
    ("aws key", "A[KSB]I?[AC]", r"(?:AKIA|ASIA|ABIA|ACCA)[2-7A-Z]{16}"),
    ("github", "gh[pousr]_|github_pat_", r"gh[pousr]_[0-9A-Za-z]{36,255}|github_pat_[0-9A-Za-z_]{60,255}"),
    ("gitlab", "gl[a-z]+-", r"gl(?:pat|dt|rt|cbt|ptt|ft|soat|imt|agent)-[0-9A-Za-z_-]{20,200}"),
    ("slack", "xox|xapp-", r"xox[abeoprs](?:\.[a-z]+)?-[0-9A-Za-z-]{10,250}|xapp-[0-9]-[0-9A-Za-z-]{20,250}"),
    ("slack webhook", "hooks.slack.com", r"hooks\.slack\.com/(?:services|workflows|triggers)/[0-9A-Za-z/_-]{30,120}"),
    ("stripe", "[sr]k_|whsec_", r"(?:sk|rk)_(?:live|test|prod)_[0-9A-Za-z]{10,247}|whsec_[0-9A-Za-z+/=]{24,100}"),
    ("google", "AIza|GOCSPX|ya29", r"AIza[0-9A-Za-z_-]{35}|GOCSPX-[0-9A-Za-z_-]{28}|ya29\.[0-9A-Za-z_-]{20,500}"),
    ("jwt", "eyJ", r"eyJ[0-9A-Za-z_-]{8,}\.eyJ[0-9A-Za-z_-]{8,}\.[0-9A-Za-z_-]{8,}"),
    ("npm", "npm_", r"npm_[0-9A-Za-z]{36}"),
    ("pypi", "pypi-", r"pypi-AgE[0-9A-Za-z_-]{50,800}"),
    ("hugging face", "hf_", r"hf_[A-Za-z]{34}"),
    ("sendgrid", "SG[.]", r"SG\.[0-9A-Za-z_-]{22}\.[0-9A-Za-z_-]{43}"),
    ("mailchimp", "-us[0-9]", r"[0-9a-f]{32}-us[0-9]{1,2}"),
    ("twilio", "[AS][CK][0-9a-f]{6}", r"SK[0-9a-f]{32}"),
    ("digitalocean", "do[opr]_v1_", r"do[opr]_v1_[0-9a-f]{64}"),
    ("shopify", "shp(?:at|ca|pa|ss)_", r"shp(?:at|ca|pa|ss)_[0-9A-Fa-f]{32}"),
    ("azure storage", "AccountKey=", r"AccountKey=([0-9A-Za-z+/]{86}==)"),
    ("telegram", ":AA", r"[0-9]{8,10}:AA[0-9A-Za-z_-]{33}"),
    ("databricks", "dapi", r"dapi[0-9a-f]{32}(?:-[0-9])?"),
    ("vault", "hv[sb][.]", r"hv[sb]\.[0-9A-Za-z_-]{24,300}"),
    ("age", "AGE-SECRET-KEY-1", r"AGE-SECRET-KEY-1[0-9A-Z]{58}"),
    ("grafana", "glsa_|glc_", r"glsa_[0-9A-Za-z]{32}_[0-9A-Fa-f]{8}|glc_[0-9A-Za-z+/]{32,400}={0,2}"),
    ("new relic", "NRAK-", r"NRAK-[0-9A-Z]{27}"),
    ("doppler", "dp[.]", r"dp\.(?:pt|st|ct|sa|scim|audit)\.[0-9A-Za-z.]{40,50}"),
    ("linear", "lin_api_", r"lin_api_[0-9A-Za-z]{40}"),
    ("notion", "ntn_|secret_", r"ntn_[0-9A-Za-z]{40,50}|secret_[0-9A-Za-z]{43}"),
    ("atlassian", "ATATT3", r"ATATT3[0-9A-Za-z_=-]{150,250}"),
    ("groq", "gsk_", r"gsk_[0-9A-Za-z]{52}"),
    ("xai", "xai-", r"xai-[0-9A-Za-z]{80}"),
    ("perplexity", "pplx-", r"pplx-[0-9A-Za-z]{48}"),
    ("square", "sq0|EAAA", r"sq0(?:atp|csp)-[0-9A-Za-z_-]{22,43}"),
    ("discord", "[MNO][0-9A-Za-z]{23}", r"[MNO][0-9A-Za-z]{23,25}\.[0-9A-Za-z_-]{6}\.[0-9A-Za-z_-]{27,38}"),
)  # fmt: skip


class TokenRecognizer(LinearRecognizer):
    """One provider's tokens."""

    def __init__(self, name: str, hint: str, regex: str) -> None:
        whole = _BORDER + (f"(?:{regex})" if "(" in regex.replace("(?", "") else f"({regex})")
        super().__init__("SECRET", [Form(name, whole, 1.0)], hint=hint)

    def judge(self, text: str, span: Span) -> Span | None:
        # Documentation shows `sk-ant-xxxxxxxx…`: one character over and over is nobody's key.
        return span if len(set(text[span[0] : span[1]][-16:].lower())) > 4 else None


def recognisers() -> list[TokenRecognizer]:
    """One for each provider."""
    return [TokenRecognizer(*token) for token in _TOKENS]
