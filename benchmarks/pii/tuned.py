"""The templates that recognisers and rules were written against: good figures here prove little."""
# ruff: noqa: E501 - a template shows its own lines

TEMPLATES = {
    "chat": "Hi, I'm {name}. Could you call me back on {phone}, or write to {email}? Thanks, {first}",
    "chat:lower": "can you draft a mail to {name_lower} and cc {email2}? tell them order {order} ships on {date}",
    "chat:short": "What did {first} say about the release of {version}?",
    "mail": "From: {name} <{email}>\nTo: {name2} <{email2}>\nSubject: Invoice {order}\n\nDear {first2},\n\nplease find"
    " the invoice attached. Our IBAN is {iban}.\n\nBest regards,\n{name}\n{company}\n{street}\nTel. {phone}\n",
    "ticket": "Ticket #{order}\nReporter: {name}\nAssignee: {name2}\n\nThe customer at {address} cannot pay: card {card} is"
    " declined since {date}. Her phone number is {phone}.",
    "json": '{"id": "{uuid}", "customer": {"name": "{name}", "email": "{email}", "phone": "{phone}"},'
    ' "payment": {"card_number": "{card}", "iban": "{iban}"}, "version": "{version}", "ts": {millis}}',
    "json:parts": '{"firstName": "{first}", "lastName": "{last}", "street": "{street}", "ssn": "{ssn}", "sha": "{sha}"}',
    "yaml": "owner: {name}\ncontact:\n  email: {email}\n  phone: '{phone}'\ndeploy:\n  version: {version}\n  host: {ip}\n"
    "  api_token: {secret}\n",
    "log": "{date} 12:04:11,532 INFO  auth - user {email} signed in from {ip} (session {uuid})\n"
    "{date} 12:04:12,001 WARN  billing - charge for {name} failed: card {card} expired, request {sha}\n",
    "log:nginx": '{ip} - - [{date}] "GET /users/{order}?v={version} HTTP/1.1" 200 512 "-" "Mozilla/5.0 (X11; Linux x86_64)"\n',
    "code": 'client = Client(api_key="{secret}")\n# Reported by {name}, see issue {order}\nrequests.get(url, timeout=30)\n'
    'DEFAULT_OWNER = "{email}"\n',
    "env": "DATABASE_URL=postgres://app:{password}@db.internal:5432/app\nSECRET_KEY={secret}\nADMIN_EMAIL={email}\n"
    "RELEASE={sha}\nTIMEOUT=30\n",
    "csv": "id,name,email,phone,city\n{order},{name},{email},{phone},-\n{order2},{name2},{email2},{phone2},-\n",
    "table": "| Customer | Contact | IBAN |\n|---|---|---|\n| {name} | {email} | {iban} |\n| {name2} | {email2} | {iban2} |\n",
    "sql": "INSERT INTO customers (id, name, email, ssn) VALUES ({order}, '{name}', '{email}', '{ssn}');\n",
    "cv": "{name}\n{address}\n{phone} | {email}\n\nExperience\nSenior engineer at {company}, since {date}. Reports to {name2}.\n",
    "meeting": "Attendees: {name}, {name2} and {name3}\n- {first} presents the budget\n- {first2} will follow up with"
    " {name4} by {date}\n",
    "traceback": 'Traceback (most recent call last):\n  File "/srv/app/billing.py", line 88, in charge\n    raise Declined(card)\n'
    "billing.Declined: card {card} of {name} <{email}> was declined\n",
    "git": "commit {sha}\nAuthor: {name} <{email}>\nDate:   {date}\n\n    Fix rounding in invoices\n\n    Reviewed-by: {name2} <{email2}>\n",
    "tool": "{name} was found in 3 rows of customers.csv:\n12: {name},{street},{phone}\n40: {name2},{street2},{phone2}\n",
}
