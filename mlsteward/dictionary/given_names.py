"""First names that are common in many countries: evidence that a column called `name` names people."""

GIVEN_NAMES = frozenset(
    """
    aaron abdul abigail adam adrian ahmed aisha alan albert alejandro alessandro alex
    alexander alexandra ali alice alicia amanda amelia amina amir amy ana anastasia andrea andreas andrei andrew
    angela anja ann anna anne annette anthony antonio arjun arthur ashley astrid barbara beatriz ben benjamin bernd
    beth birgit bjorn bo bob brandon brian bruno camila carl carla carlos carmen carol caroline catherine charles
    charlotte chen chiara chloe christian christina christine christopher claire clara claudia craig cristina
    cynthia daniel daniela david deborah deepak denise dennis diana diego dieter dirk dmitri donald donna dorothy
    doris edward eduardo elena eli elias elif elisabeth elizabeth ella emily emma eric erik erika ernst esther ethan
    eva evelyn fatima felix fernando fiona florian francesca francesco francisco frank frans fred frederik gabriel
    gabriela george georg gerald gerhard giovanni giulia giuseppe gloria grace greg gregory guillaume gustav hannah
    hans harold harry hassan heather heidi heike heinz helen helena helga henrik henry hiroshi hugo ian ibrahim ines
    ingrid irina isaac isabel isabella ivan jack jacob jacqueline jakob james jamie jan jane janet jason javier jean
    jeffrey jennifer jens jeremy jessica jim jing joan joanna joao joe johan johann johanna john jonas jonathan
    jorge jose josef joseph joshua juan judith julia julian julie jun jurgen justin kaito karen karin karl katarzyna
    kate katharina katherine kathleen katja kavita keith kelly ken kenji kenneth kevin khalid kim klaus krzysztof
    lars laura lauren layla lea leah lee lena leo leon leonardo li liam lin linda lisa lorenzo louis louise luca
    lucas lucia lucy luis luisa lukas maciej magdalena manuel marc marco marcus margaret maria marie marina mario
    mark marta martha martin martina mary mateo mathias matteo matthew maurice max maximilian maya megan mehmet mei
    melanie melissa michael michel michelle miguel mia mike milan mohamed mohammed monica monika muhammad nadia
    nancy naomi natalia natalie natasha nicholas nicole nina noah noor nora olga oliver olivia omar oscar otto pablo
    pamela patricia patrick paul paula pedro peter petra philip philipp pierre pieter piotr priya rachel rafael
    rahul raj ralf ramona raphael raul raymond rebecca renate ricardo richard rita robert roberto robin roger roland
    roman ronald rosa rose roy ruth ryan said sakura sally samantha samuel sandra sanjay sara sarah sebastian sergei
    sergio sharon silvia simon sofia sonia sophia sophie stefan stefanie stephanie stephen steven sunita susan
    susanne suzanne svetlana sven sylvia tanja tatiana teresa thomas tim timothy tina tobias tom tomasz ulrich
    ursula uwe valentina vanessa vera veronica victor victoria viktor vincent virginia vladimir walter wang wei
    wendy werner wilhelm william wolfgang xavier yan yasmin yuki yusuf yvonne zoe zhang
    """.split()
)
