"""The templates that no recogniser and no rule was written against: the figures to quote."""
# ruff: noqa: E501 - a template shows its own lines

TEMPLATES = {
    "chat": "Good morning! My colleague {name} is moving to {address} next month, please update her record. You can text"
    " her at {phone} if anything is unclear.",
    "chat:ask": "Write a birthday poem for {name}, who has worked with {first2} for ten years.",
    "chat:pay": "hello, my card number {card} was charged twice and nobody answers at {email}. - {first}",
    "letter": "{name}\n{street}\n\n{date}\n\nTo whom it may concern,\n\nI, {name}, confirm that the account {iban} belongs to me.\n"
    "My social security number is {ssn}.\n\nSincerely\n{name}\n",
    "support": "Agent: Who am I speaking with?\nCaller: This is {name}, I live at {street}.\nAgent: And how can we reach you,"
    " {first}?\nCaller: {phone} is best, or {email}.\n",
    "ticket": "Priority: high\nSubmitted by {name} ({email})\n\nSince we upgraded to {version} the export for customer {order}"
    " hangs. {name2} from {company} saw it too.",
    "xml": "<order id='{order}'><buyer><fullName>{name}</fullName><mail>{email}</mail></buyer><card>{card}</card>"
    "<shipTo>{address}</shipTo><hash>{sha}</hash></order>",
    "json": '[{"userId": {order}, "displayName": "{name}", "lastIp": "{ip}", "device": "{uuid}"},'
    ' {"userId": {order2}, "displayName": "{name2}", "lastIp": "{ipv}", "device": "{uuid2}"}]',
    "yaml": "maintainers:\n  - name: {name}\n    mail: {email}\n  - name: {name2}\n    mail: {email2}\nimage: registry/app:{version}\n"
    "credentials:\n  token: {secret}\n",
    "toml": '[tool.release]\nauthors = ["{name} <{email}>", "{name2} <{email2}>"]\nversion = "{version}"\n',
    "log": '[{date}T08:11:02Z] level=error msg="payment refused" payer="{name}" iban={iban} trace={sha} client={ip}\n',
    "log:syslog": "{date} host sshd[2211]: Accepted publickey for deploy from {ip} port 51514 ssh2: RSA SHA256:{sha}\n",
    "code:js": "// FIX ({name}): remove after {date}\nconst stripe = new Stripe('{secret}');\nexport const support = '{email}';\n"
    "const retries = 3;\n",
    "code:test": 'def test_greeting():\n    user = make_user("{first}", "{last}", email="{email}")\n    assert greet(user) == "Hello {first}"\n',
    "shell": "$ curl -H 'Authorization: Bearer {secret}' https://api.example.com/v2/users/{order}\n"
    '{"name":"{name}","phone":"{phone}"}\n',
    "diff": '--- a/config.py\n+++ b/config.py\n@@ -1,4 +1,4 @@\n-CONTACT = "{email}"\n+CONTACT = "{email2}"\n-TOKEN = "{secret}"\n'
    '+TOKEN = "{secret2}"\n VERSION = "{version}"\n',
    "conn": "mongodb+srv://reporting:{password}@cluster0.mongodb.net/prod?retryWrites=true\n# ask {name} before using it\n",
    "cv": "Curriculum vitae of {name}\nMobile {phone}, {email}\nAddress: {address}\nReference: {name2}, {company}\n",
    "minutes": "Present: {name}; {name2}; {name3}. Apologies: {name4}.\n1. {last} reports on the migration to {version}.\n"
    "2. Action for {first3}: call the bank about {iban}.\n",
    "tool": "Found 2 matches in contacts.vcf\nFN:{name}\nTEL;TYPE=cell:{phone}\nEMAIL:{email}\nFN:{name2}\nADR:{address2}\n",
    "traceback": 'Traceback (most recent call last):\n  File "/app/sync.py", line 12, in <module>\n    connect("{ip}")\n'
    "ConnectionError: no route to {ip}; last user was {email}, key {secret}\n",
    "html": '<li class="member"><a href="mailto:{email}">{name}</a> <span>{phone}</span></li>\n<li class="member">{name2}</li>\n',
    "german": "Sehr geehrte Frau {last}, Ihre Kreditkarte {card} wurde belastet. Rückfragen bitte an {name2}, Telefon {phone}.",
    "spanish": "Estimada {name}: su pedido {order} llegará a {address}. Teléfono de contacto: {phone}.",
}
