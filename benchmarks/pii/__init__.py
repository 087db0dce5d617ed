"""How well detection finds: `make eval-pii`.

people.py      invented people of many countries, seeded (Faker)
fill.py        templates to labelled texts: the labels are exact, because the generator put the values there
tuned.py       the templates that recognisers were written against
held_out.py    the templates that nobody looked at while writing them: the figures to quote
negatives.py   text in which nothing is to be found: this machine's Python, packages and documents, Claude Code's prompt
systems.py     what is compared: ours, plain Presidio
scoring.py     precision, recall, F2 with confidence intervals
"""
