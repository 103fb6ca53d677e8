"""The words of the little world, English beside German, a table for each part of speech; frequent words come first."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Noun:
    """`gender` is the German one (m, f, n); `weak` nouns take -n or -en outside the nominative (den Jungen)."""

    english: str
    english_plural: str
    gender: str
    german: str
    german_plural: str
    weak: bool = False


@dataclass(frozen=True)
class Verb:
    """English and German forms (`third`: er …, without the separable `prefix`); `case` is what its object takes."""

    base: str
    third_english: str
    past: str
    participle_english: str
    infinitive: str
    first: str
    third: str
    participle: str
    auxiliary: str = "haben"
    prefix: str = ""
    case: str = "acc"


@dataclass(frozen=True)
class Adjective:
    """`stem` is what German endings are put to (dunkel, dunkl-e); None where the word never changes (rosa)."""

    english: str
    german: str
    stem: str | None


def _rows(table: str) -> list[list[str]]:
    return [[cell.replace("_", " ") for cell in line.split()] for line in table.strip().splitlines()]


def _nouns(table: str) -> tuple[Noun, ...]:
    rows = [[cell.strip("-") for cell in row] for row in _rows(table)]
    return tuple(Noun(row[0], row[1], row[2], row[3], row[4], weak=len(row) > 5) for row in rows)


PEOPLE = _nouns("""
man men m Mann Männer
woman women f Frau Frauen
child children n Kind Kinder
girl girls n Mädchen Mädchen
boy boys m Junge Jungen weak
teacher teachers m Lehrer Lehrer
king kings m König Könige
queen queens f Königin Königinnen
doctor doctors m Arzt Ärzte
friend friends m Freund Freunde
sister sisters f Schwester Schwestern
brother brothers m Bruder Brüder
mother mothers f Mutter Mütter
uncle uncles m Onkel Onkel
aunt aunts f Tante Tanten
guest guests m Gast Gäste
witch witches f Hexe Hexen
neighbour neighbours m Nachbar Nachbarn weak
thief thieves m Dieb Diebe
giant giants m Riese Riesen weak
""")
ANIMALS = _nouns("""
dog dogs m Hund Hunde
cat cats f Katze Katzen
horse horses n Pferd Pferde
bird birds m Vogel Vögel
mouse mice f Maus Mäuse
cow cows f Kuh Kühe
bear bears m Bär Bären weak
pig pigs n Schwein Schweine
fox foxes m Fuchs Füchse
wolf wolves m Wolf Wölfe
goose geese f Gans Gänse
lion lions m Löwe Löwen weak
frog frogs m Frosch Frösche
owl owls f Eule Eulen
elephant elephants m Elefant Elefanten weak
unicorn unicorns n Einhorn Einhörner
hedgehog hedgehogs m Igel Igel
""")
THINGS = _nouns("""
book books n Buch Bücher
picture pictures n Bild Bilder
letter letters m Brief Briefe
ball balls m Ball Bälle
key keys m Schlüssel Schlüssel
hat hats m Hut Hüte
lamp lamps f Lampe Lampen
clock clocks f Uhr Uhren
flower flowers f Blume Blumen
chair chairs m Stuhl Stühle
bag bags f Tasche Taschen
box boxes f Kiste Kisten
bicycle bicycles n Fahrrad Fahrräder
coat coats m Mantel Mäntel
boat boats n Boot Boote
umbrella umbrellas m Regenschirm Regenschirme
knife knives n Messer Messer
violin violins f Geige Geigen
shirt shirts n Hemd Hemden
ring rings m Ring Ringe
candle candles f Kerze Kerzen
sword swords n Schwert Schwerter
""")
FOOD = _nouns("""
apple apples m Apfel Äpfel
egg eggs n Ei Eier
cake cakes m Kuchen Kuchen
pear pears f Birne Birnen
sausage sausages f Wurst Würste
potato potatoes f Kartoffel Kartoffeln
roll rolls n Brötchen Brötchen
onion onions f Zwiebel Zwiebeln
""")
DRINKS = _nouns("""
water - n Wasser -
milk - f Milch -
tea - m Tee -
coffee - m Kaffee -
""")
PLACES = _nouns("""
garden gardens m Garten Gärten
house houses n Haus Häuser
forest forests m Wald Wälder
town towns f Stadt Städte
school schools f Schule Schulen
kitchen kitchens f Küche Küchen
castle castles n Schloss Schlösser
village villages n Dorf Dörfer
church churches f Kirche Kirchen
tower towers m Turm Türme
shop shops m Laden Läden
hotel hotels n Hotel Hotels
cellar cellars m Keller Keller
library libraries f Bibliothek Bibliotheken
museum museums n Museum Museen
""")


def _verbs(table: str) -> tuple[Verb, ...]:
    return tuple(Verb(*("" if cell == "-" else cell for cell in row)) for row in _rows(table))


SEEING = _verbs("""
see sees saw seen sehen sehe sieht gesehen
find finds found found finden finde findet gefunden
look_for looks_for looked_for looked_for suchen suche sucht gesucht
love loves loved loved lieben liebe liebt geliebt
draw draws drew drawn zeichnen zeichne zeichnet gezeichnet
hide hides hid hidden verstecken verstecke versteckt versteckt
forget forgets forgot forgotten vergessen vergesse vergisst vergessen
""")
OWNING = _verbs("""
buy buys bought bought kaufen kaufe kauft gekauft
have has had had haben habe hat gehabt
take takes took taken nehmen nehme nimmt genommen
carry carries carried carried tragen trage trägt getragen
need needs needed needed brauchen brauche braucht gebraucht
sell sells sold sold verkaufen verkaufe verkauft verkauft
wash washes washed washed waschen wasche wäscht gewaschen
bring_along brings_along brought_along brought_along mitbringen bringe bringt mitgebracht haben mit
""")
EATING = _verbs("""
eat eats ate eaten essen esse isst gegessen
cook cooks cooked cooked kochen koche kocht gekocht
""")
DRINKING = _verbs("""
drink drinks drank drunk trinken trinke trinkt getrunken
order orders ordered ordered bestellen bestelle bestellt bestellt
""")
MEETING = _verbs("""
visit visits visited visited besuchen besuche besucht besucht
hear hears heard heard hören höre hört gehört
ask asks asked asked fragen frage fragt gefragt
help helps helped helped helfen helfe hilft geholfen haben - dat
thank thanks thanked thanked danken danke dankt gedankt haben - dat
follow follows followed followed folgen folge folgt gefolgt sein - dat
answer answers answered answered antworten antworte antwortet geantwortet haben - dat
trust trusts trusted trusted vertrauen vertraue vertraut vertraut haben - dat
call calls called called anrufen rufe ruft angerufen haben an
invite invites invited invited einladen lade lädt eingeladen haben ein
listen_to listens_to listened_to listened_to zuhören höre hört zugehört haben zu dat
""")
RESTING = _verbs("""
sleep sleeps slept slept schlafen schlafe schläft geschlafen
wait waits waited waited warten warte wartet gewartet
sing sings sang sung singen singe singt gesungen
play plays played played spielen spiele spielt gespielt
dance dances danced danced tanzen tanze tanzt getanzt
laugh laughs laughed laughed lachen lache lacht gelacht
work works worked worked arbeiten arbeite arbeitet gearbeitet
cry cries cried cried weinen weine weint geweint
""")
MOVING = _verbs("""
go goes went gone gehen gehe geht gegangen sein
run runs ran run laufen laufe läuft gelaufen sein
jump jumps jumped jumped springen springe springt gesprungen sein
""")
GIVING = _verbs("""
give gives gave given geben gebe gibt gegeben
show shows showed shown zeigen zeige zeigt gezeigt
bring brings brought brought bringen bringe bringt gebracht
send sends sent sent schicken schicke schickt geschickt
""")
SAYING = _verbs("""
say says said said sagen sage sagt gesagt
know knows knew known wissen weiß weiß gewusst
think thinks thought thought denken denke denkt gedacht
hope hopes hoped hoped hoffen hoffe hofft gehofft
""")


def _adjectives(table: str) -> tuple[Adjective, ...]:
    rows = [(*row, row[1])[:3] for row in _rows(table)]
    return tuple(Adjective(english, german, None if stem == "-" else stem) for english, german, stem in rows)


LIVELY = _adjectives("""
old alt
young jung
small klein
big groß
tired müde müd
hungry hungrig
happy glücklich
sad traurig
lazy faul
clever klug
friendly freundlich
brave mutig
angry wütend
famous berühmt
honest ehrlich
""")
COLOURFUL = _adjectives("""
old alt
new neu
small klein
red rot
blue blau
green grün
black schwarz
beautiful schön
expensive teuer teur
heavy schwer
ugly hässlich
strange seltsam
useful nützlich
pink rosa -
""")
SPATIAL = _adjectives("""
old alt
small klein
big groß
dark dunkel dunkl
quiet still
beautiful schön
famous berühmt
empty leer
high hoch hoh
""")
TASTY = _adjectives("""
good gut
cold kalt
warm warm
fresh frisch
sweet süß
""")
