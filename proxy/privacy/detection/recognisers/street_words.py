"""What streets are called, in many languages, and what says that an address follows.

The words are those of official lists where there are such: the United States' postal service (Publication 28), Brazil's
Correios, Mexico's INEGI; else the usual ones of each language. They are pieces of regexes.
"""
# ruff: noqa: E501 - lists of words

from proxy.privacy.detection.recognisers.base import Words

# Behind a name: "12 Main Street". These are hardly ever anything else there.
BEHIND: Words = {
    "en": ("Street|St|Avenue|Ave|Road|Rd|Lane|Ln|Drive|Dr|Boulevard|Blvd|Way|Court|Ct|Place|Pl|Square|Sq|Terrace|Parkway"
           "|Pkwy|Crescent|Close|Highway|Hwy|Circle|Trail|Row|Mews|Grove|Gardens|Alley|Plaza|Nagar|Marg|Chowk|Ganj|Colony"
           "|Vihar|Enclave|Path|Parade|Esplanade|Turnpike|Freeway|Expressway|Causeway|Heights|Ridge|Ridges|Vista"
           "|Trafficway|Throughway|Stravenue",),
}  # fmt: skip
# These may be something else: a house number of two digits and the end of a field are asked for.
PERHAPS_BEHIND: Words = {
    "en": ("Annex|Arcade|Bayou|Beach|Bend|Bluffs?|Branch|Bridge|Brooks?|Burgs?|Bypass|Camp|Canyon|Cape|Centers?|Cliffs?"
           "|Club|Commons?|Corners?|Course|Coves?|Creek|Crest|Crossing|Crossroads?|Curve|Dale|Dam|Divide|Estates?|Extensions?"
           "|Falls?|Ferry|Fields?|Flats?|Fords?|Forest|Forges?|Forks?|Fort|Garden|Gateway|Glens?|Greens?|Groves|Harbors?"
           "|Haven|Hills?|Hollow|Inlet|Islands?|Isle|Junctions?|Keys?|Knolls?|Lakes?|Land|Landing|Lights?|Loaf|Locks?"
           "|Lodge|Loop|Mall|Manors?|Meadows?|Mills?|Mission|Motorway|Mount|Mountains?|Neck|Orchard|Oval|Overpass|Parks?"
           "|Pass|Passage|Pike|Pines?|Plains?|Points?|Ports?|Prairie|Radial|Ramp|Ranch|Rapids?|Rest|River|Route"
           "|Rue|Run|Shoals?|Shores?|Skyway|Springs?|Spurs?|Station|Stream|Summit|Trace|Track|Tunnel|Underpass|Unions?"
           "|Valleys?|Via|Viaduct|Views?|Villages?|Ville|Walks?|Wall|Wells?",),
}  # fmt: skip
# Before a name: "Via Roma 12".
BEFORE: Words = {
    "fr": ("[Rr]ue|[Aa]venue|[Bb]oulevard|[Cc]hemin|[Ii]mpasse|[Pp]lace|[Aa]llée|[Rr]oute|[Qq]uai|[Cc]ours|[Rr]uelle"
           "|[Ss]quare|[Ss]entier|[Rr]ang|[Cc]ôte|[Mm]ontée",),
    "it": ("Via|Viale|Piazza|Piazzale|Piazzetta|Corso|Strada|Largo|Vicolo|Contrada|Borgo|Rotonda|Incrocio|Stretto|Canale"
           "|Salita|Lungomare|Traversa|Galleria|Fondamenta|Circonvallazione|Località|Frazione",),
    "es": ("[Cc]alle|C/|[Aa]venida|Avda\\.|Av\\.|[Pp]laza|[Pp]aseo|[Rr]onda|[Rr]ambla|[Cc]amino|[Cc]arretera|[Cc]uesta"
           "|[Gg]lorieta|[Pp]asaje|[Cc]allejón|[Aa]lameda|[Uu]rbanización|Vial|Pasadizo|Vía|Via|Cañada|Acceso|Camino"
           "|Calzada|Privada|Cerrada|Andador|Circuito|Continuación|Corredor|Diagonal|Eje [Vv]ial|Peatonal|Periférico"
           "|Prolongación|Retorno|Viaducto|Ampliación|Boulevard|Blvd\\.?",),
    "pt": ("[Rr]ua|R\\.|[Aa]venida|[Tt]ravessa|[Pp]raça|[Ee]strada|[Rr]odovia|[Aa]lameda|[Ll]adeira|[Ll]argo|Aeroporto|Área"
           "|Campo|Chácara|Colônia|Condomínio|Conjunto|Distrito|Esplanada|Estação|Favela|Fazenda|Feira|Jardim|Lago|Lagoa"
           "|Loteamento|Morro|Núcleo|Parque|Passarela|Pátio|Praia|Quadra|Recanto|Residencial|Setor|Sítio|Trecho|Trevo"
           "|Vale|Vereda|Via|Viaduto|Viela|Vila",),
    "pl": ("ul\\.|ulica|al\\.|aleja|pl\\.|plac|os\\.|osiedle|rondo|skwer",),
    "cs": ("[Uu]lice|ul\\.|nám\\.|náměstí|nábřeží|třída",),
    "hr": ("[Uu]lica|ul\\.|[Tt]rg|[Aa]venija|[Oo]bala|[Pp]rilaz|[Šš]etalište",),
    "vi": ("[Đđ]ường|[Pp]hố|[Nn]gõ",),
}  # fmt: skip
# The end of a street's name, or a word behind it, with the number after: "Hauptstraße 12", "Kossuth utca 5".
ENDS: Words = {
    "de": ("straße|strasse|str\\.|weg|platz|allee|gasse|ring|damm|ufer|steig|pfad|markt|chaussee",),
    "nl": ("straat|laan|weg|plein|gracht|kade|singel|dreef|steeg|dijk|baan|hof|pad|boulevard",),
    "sv": ("gatan|gata|vägen|väg|gränd|torget|torg|stigen|backen|allén|leden",),
    "da": ("vej|gade|stræde|allé|veien|gata|gaten",),
    "fi": ("katu|tie|kuja|polku|tori|kaari|rinne|raitti",),
    "hu": (" utca| út| útja| tér| körút| sétány| köz| sor| park| krt\\.| u\\.",),
    "tr": (" Caddesi| Cad\\.| Cd\\.| Sokak| Sokağı| Sok\\.| Sk\\.| Bulvarı| Bulv\\.| Mahallesi| Mah\\.| Yolu",),
}  # fmt: skip
# What a field that holds an address is called.
FIELDS: Words = {
    "": (r"(?:(?:street|home|postal|mailing|shipping|billing|delivery|work)[_ -]?)?address(?:[_ -]?line[_ -]?1)?", "street",
         "addr", "adr", "ship[_ -]?to", "bill[_ -]?to", "deliver[_ -]?to"),
    "de": ("adresse", "anschrift", "straße"),
    "fr": ("adresse",),
    "es": ("dirección", "direccion", "domicilio"),
    "it": ("indirizzo",),
    "pt": ("endereço", "morada"),
    "nl": ("adres",),
    "pl": ("adres",),
    "sv": ("adress",),
    "da": ("adresse",),
    "fi": ("osoite",),
    "cs": ("adresa",),
    "hr": ("adresa",),
    "hu": ("cím",),
    "tr": ("adres",),
}  # fmt: skip
# What is said before one.
SAID: Words = {
    "en": ("(?:liv(?:e|es|ed|ing)|resid(?:e|es|ed|ing)|staying) (?:at|in|on)", "mov(?:e|ed|ing) to", "address is",
           "deliver(?:ed|y)? to"),
    "de": ("wohn(?:e|t|haft) (?:in der|in|am|an der)",),
    "fr": ("habite(?:nt)?(?: au| à)?",),
    "es": ("viven? en",),
    "it": ("abita(?:no)? in",),
    "pt": ("moram? na",),
    "nl": ("woont (?:op|aan de|in de)",),
}  # fmt: skip
