"""Completions of our own making, the same for a seed: chats of 2 to 8 messages, about 3 KB of JSON, every twentieth
with the probabilities of 200 tokens and five words for each place, about 100 KB.

The words come from a vocabulary of some thousand, as often as words of a language come (the n-th most frequent one a
n-th as often as the first), and each text has a topic whose words come again and again, so that compression and search
meet what they meet in English.
"""

import itertools
import math
import random
import uuid
from collections.abc import Sequence
from typing import Any

import orjson

WORDS, TOPIC = 6_000, 40
TOKENS, ALTERNATIVES = 200, 5
# What a model hesitates between are mostly words that everybody uses.
HESITATED = 250
# Characters of all messages and the answer together.
TEXT = 2_000
WITH_TOKENS = 20
MODELS = ("small-2", "small-2-mini", "large-5", "large-5-thinking", "open-70b", "open-8b")
TAGS = 40


def _listed(words: str) -> tuple[str, ...]:
    return tuple(words.split())


_ONSETS = _listed("b br c ch cl d dr f fl g gr h j k l m n p pl pr qu r s sh sl st str t th tr v w z")
_VOWELS = _listed("a ai e ea ee i ie o oo ou u")
_CODAS = ("", "", "", *_listed("b ck d g l ll m n nd ng nt p r rd rm rt s ss st t th x"))
_ENDINGS = ("", "", "", "", "ed", "er", "ing", "ly", "ness", "s", "tion")
_SMALL = _listed(
    """
    the of and to a in is that for it as was with be by on not he his but at are this have from or had an they which
    one you were her all she there would their we him been has when who will more no if out so said what up its about
    """
)


class Generator:
    """What a seed makes; the document of a number is always the same one."""

    def __init__(self, seed: int = 1) -> None:
        self.seed = seed
        chance = random.Random(seed)
        made = list(dict.fromkeys(_word(chance) for _ in range(WORDS * 2)))
        self.words: Sequence[str] = [*_SMALL, *(word for word in made if word not in _SMALL)][:WORDS]
        self._weights = list(itertools.accumulate(1 / place for place in range(1, len(self.words) + 1)))

    def body(self, number: int, *, organization: str = "bench", tokens: int | None = None, **members: Any) -> bytes:
        """The JSON of a completion as a client sends it."""
        document = self.document(number, tokens=tokens)
        return orjson.dumps({"id": uid(self.seed, number), "organization_id": organization, **document, **members})

    def document(self, number: int, *, tokens: int | None = None) -> dict[str, Any]:
        """Completion `number`, without an id, its answer of so many tokens with their probabilities; unless told, every
        twentieth has 200 of them.
        """
        if tokens is None:
            tokens = 0 if number % WITH_TOKENS else TOKENS
        chance = random.Random(self.seed * 1_000_003 + number)
        topic = chance.sample(self.words[len(_SMALL) :], TOPIC)
        shares = _shares(chance, chance.randint(2, 8) + 1)
        *asked, answer = [self._text(chance, topic, max(40, round(TEXT * share))) for share in shares]
        logprobs = None
        if tokens:
            words = self._text(chance, topic, tokens * 12).split(" ")[:tokens]
            answer = " ".join(words)
            spelled = [words[0], *(f" {word}" for word in words[1:])]
            logprobs = {"content": [self._token(chance, token) for token in spelled], "refusal": None}
        model = chance.choice(MODELS)
        return {
            "kind": "chat",
            "status": "finished",
            "tags": [f"tag-{number % TAGS}", f"app-{number % 2}"],
            "session_id": f"session-{number // 8}" if number % 4 else None,
            "request": {
                "model": model,
                "temperature": 0.2,
                "max_tokens": 512,
                "messages": [
                    {"role": "system" if at == 0 else "assistant" if at % 2 == 0 else "user", "content": text}
                    for at, text in enumerate(asked)
                ],
            },
            "response": {
                "id": f"chatcmpl-{chance.getrandbits(96):024x}",
                "object": "chat.completion",
                "created": 1_767_225_600 + number,
                "model": f"{model}-2026-01-01",
                "choices": [
                    {
                        "index": 0,
                        "finish_reason": "stop",
                        "logprobs": logprobs,
                        "message": {"role": "assistant", "content": answer, "refusal": None},
                    }
                ],
                "usage": {"prompt_tokens": 420, "completion_tokens": 160, "total_tokens": 580},
            },
            "duration": round(chance.uniform(0.3, 9), 3),
        }

    def _text(self, chance: random.Random, topic: Sequence[str], characters: int) -> str:
        sentences: list[str] = []
        length = 0
        while length < characters:
            words = chance.choices(self.words, cum_weights=self._weights, k=chance.randint(6, 18))
            words = [chance.choice(topic) if chance.random() < 0.35 else word for word in words]
            sentences.append(f"{words[0].capitalize()} {' '.join(words[1:])}.")
            length += len(sentences[-1]) + 1
        return " ".join(sentences)

    def _token(self, chance: random.Random, token: str) -> dict[str, Any]:
        # Three in ten places are unsure, as in an answer of a small model.
        certain = chance.uniform(0.7, 0.999) if chance.random() < 0.7 else chance.uniform(0.05, 0.7)
        common = self._weights[:HESITATED]
        others = chance.choices(self.words[:HESITATED], cum_weights=common, k=ALTERNATIVES - 1)
        left = [(f" {word}", (1 - certain) / 2**at) for at, word in enumerate(others, 1)]
        return {**_odds(token, certain), "top_logprobs": [_odds(*pair) for pair in [(token, certain), *left]]}


def uid(seed: int, number: int) -> str:
    """The id of completion `number`: a uuid, as clients make them."""
    return str(uuid.UUID(int=random.Random(f"{seed} {number}").getrandbits(128), version=4))


def _odds(token: str, probability: float) -> dict[str, Any]:
    return {"token": token, "logprob": round(math.log(probability), 8), "bytes": list(token.encode())}


def _shares(chance: random.Random, many: int) -> list[float]:
    """Parts of one: the last, which is the answer, and the first, the instruction, larger than the others."""
    weights = [chance.uniform(0.5, 1.5) * (2 if at in (0, many - 1) else 1) for at in range(many)]
    return [weight / sum(weights) for weight in weights]


def _word(chance: random.Random) -> str:
    syllables = chance.choices((1, 2, 3), (4, 5, 2))[0]
    made = "".join(chance.choice(_ONSETS) + chance.choice(_VOWELS) + chance.choice(_CODAS) for _ in range(syllables))
    return made + chance.choice(_ENDINGS)
