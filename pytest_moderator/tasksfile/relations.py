"""The words that say which of two tasks waits for the other, in the languages of the files that we have seen."""

from __future__ import annotations

import re

from pytest_moderator.tasksfile.words import SURELY_WAITS, WAITS

MAX_GAP = 400  # characters between two mentions that are looked at

_FORWARD = (
    r"→|⟶|➔|➜|⇒|➡️?|⟹|↦|[─—-]+[>►▶]|=+>|►|▶|\A\s*>{1,2}\s*\Z|\bblock(?:s|ing)\b|\bunblock(?:s|ing)?\b|"
    r"\bbefore\b|\bpr[eé]c[eèé]d(?:es?|en|em|er|ent)?\b|\bprior to\b|\benables?\b|"
    r"\b(?:required|needed) (?:by|for|before)\b|"
    r"\b(?:prerequisites?|gates?) (?:for|of|to)\b|\bfollowed by\b|\bunlocks?\b|\bthen\b|"
    # "a design gate" and "a code block" are things: as verbs they stand right behind a task, or behind such words
    r"(?:\A|\b(?:must|should|will|can|may|to|also|both|all|together|directly|which))\W*(?:block|gates?|feeds?)\b|"
    r"阻塞|阻断|阻擋|先于|先於|より先|ブロック|차단|[之以][后後]|完成[后後]|完了後|してから|させてから|の後|이후|"
    r"[后後](?:才|再|方可|即可|可以?)|완료 ?후|\b(?:des)?bloquei?am?n?\b|\bbloque(?:nt)?\b|\bblokuj[eą]\b|"
    r"\bblocca(?:no)?\b|\bprima di\b|\bsebelum\b|"
    r"\bantes d[eao]s?\b|\bavant\b|\bvor\b|\bblockier(?:t|en)\b|\bблокиру[ею]т\b|\bперед\b|"
    r"\b(?:заверш|выполн)\w+ до\b|\bchặn\b|\btrước\b"
)
_BACKWARD = (
    r"←|⟵|⇐|<[─—-]+|"
    r"\b(?:cannot|can't|must not|should not|may not) (?:be )?(?:start|begin|run)\w*\b[^.]{0,20}?\b(?:before|until)\b|"
    rf"\b(?:{'|'.join((*SURELY_WAITS, *WAITS))})\b|"
    r"\bdepend(?:s|ed|ent|ing)?(?: up)?(?:[ _-]?on)?\b|\A\W*until\b|\bdependenc(?:y|ies)\s?:|\bdeps?:|"
    r"\bprerequisites?:|\bunblocked by\b|\bwaits?(?: until)?\b|\bfollows?\b|\bbuilds? (?:up)?on\b|\bonly when\b|"
    r"依赖|依賴|依存|의존|需要|等[待到]|[须須需]等|[之以]前|より前|前に|전에|이전에|前[需须須应應]?先?完成|"
    r"\bsucede[mn]?\b|\besperan? a\b|\baguardam?\b|\b(?:wartet|warten|folgt|folgen) auf\b|\bжд[её]т\b|\bchờ\b"
)
_PARALLEL = (
    r"∥|‖|\|\||⇉|\bparallel\w*|\bconcurrent\w*|\balongside\b|\bindependent\w*|\bsimultaneous\w*|\btogether\b|"
    r"\bsame file as\b|并行|並行|平行|并发|並列|병렬|\bparalel\w*|\bparall[èe]l\w*|\bпараллельн\w*|\bsong song\b"
)
RELATION = re.compile(
    rf"(?P<backward>{_BACKWARD})|(?P<forward>{_FORWARD})|(?P<parallel>{_PARALLEL})", re.IGNORECASE
)
# In some languages the word that relates two tasks stands behind the second one: "T002 在 T001 之后".
POSTPOSITION = re.compile(
    r"\s?(?:全部|都|의|の|が|に|を|에|을|를|이|가)?\s?(?:"
    r"(?:完成|完了|완료)?\s?(?P<backward>(?:[之以]|より)?[后後]|이후|후(?!\w)|다음|"
    r"(?:依存|必要(?!な)|前提(?!条件)|의존|필요)(?!\s?(?:しな|しませ|せず|[がはで]?な[いし]|하지|없|성\s?없)))|"
    r"(?P<forward>[之以]前|より?前|より先|の?前に|이?전에|전까지|보다 먼저|ブロック|차단|"
    r"[的の의]\s?(?:前置|前提|선행)))"
)
ARROW = re.compile(r"[→⟶➔➜⇒➡⟹►▶←⟵⇐>]|<[─—-]")
NEGATION = re.compile(
    r"\b(?:no|not|never|without|non|nor|none|independent|isn't|doesn't|don't|sans|sin|sem|kein\w*|nicht|нет|не|không)\b|"
    r"无需|不在|无依赖|無依賴|不依赖|不依賴|没有|沒有|なし|しない|없",
    re.IGNORECASE,
)
SEQUENTIAL = re.compile(
    r"\bsequential(?:ly)?\b|\bin (?:order|sequence)\b|\bone after (?:another|the other)\b|\bserial(?:ly)?\b|"
    r"顺序|順序|顺次|順次|串行|直列|순차|\bsecuencial\w*|\bsequencial\w*|\bséquentiel\w*|\bпоследовательно\b",
    re.IGNORECASE,
)
_LEADING_AFTER = re.compile(
    r"\W*(?:after|once|when|upon|après|después de|tras|após|depois d[eao]s?|nach|после|sau|dopo)\b",
    re.IGNORECASE,
)
_LEADING_BEFORE = re.compile(r"\W*(?:before|prior to|avant|antes d[eao]s?|bevor|перед)\b", re.IGNORECASE)
# "can start after Phase 4 — T007 is ...": what is related is the phase.
_OF_PHASE = re.compile(
    r"\s(?:all |the )*(?:Phases?|Stages?|Sprints?|Waves?|User Stor(?:y|ies)|US\d*|Setup|Foundational)\b"
    r"[^—–]*\s[—–-]\s",
    re.IGNORECASE,
)


def relation_of(words: str) -> str:
    """Say which relation words between two groups state: ``forward``, ``backward`` or none."""
    last: re.Match[str] | None = None
    for match in RELATION.finditer(words[:MAX_GAP]):
        last = match
    if last is None or last.lastgroup == "parallel":
        return ""
    if NEGATION.search(words, 0, last.start()) or _OF_PHASE.match(words, last.end()):
        return ""
    return last.lastgroup or ""


def leading_relation(before: str) -> str:
    """Say how a sentence relates its first tasks to the next ones: "After T003, do T004"."""
    if _LEADING_AFTER.match(before):
        return "forward"
    return "backward" if _LEADING_BEFORE.match(before) else ""
