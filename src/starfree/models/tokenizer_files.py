"""A language's symbols as a tokenizer that `transformers.AutoTokenizer` loads, as plain JSON.

Symbol i of n is token i, `$` (end) is n, `^` (begin) is n + 1. Text is split into characters where
every symbol is one, else at spaces; `^` is put in front.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

TOKENIZER = "tokenizer.json"
END, BEGIN = "$", "^"


def tokenizer_files(symbols: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The contents of `tokenizer.json` and `tokenizer_config.json`, by file name."""
    vocabulary = {symbol: token for token, symbol in enumerate((*symbols, END, BEGIN))}
    begin = {"id": BEGIN, "type_id": 0}
    pieces = {"Sequence": {"id": "A", "type_id": 0}}
    split: dict[str, Any] = {"type": "WhitespaceSplit"}
    decoder: dict[str, Any] | None = None
    if all(len(symbol) == 1 for symbol in symbols):
        split = {
            "type": "Split",
            "pattern": {"Regex": "."},
            "behavior": "Isolated",
            "invert": False,
        }
        decoder = {"type": "Fuse"}
    tokenizer = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {
                "id": vocabulary[token],
                "content": token,
                "single_word": False,
                "lstrip": False,
                "rstrip": False,
                "normalized": False,
                "special": True,
            }
            for token in (END, BEGIN)
        ],
        "normalizer": None,
        "pre_tokenizer": split,
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [{"SpecialToken": begin}, pieces],
            "pair": [
                {"SpecialToken": begin},
                pieces,
                {"Sequence": {"id": "B", "type_id": 0}},
            ],
            "special_tokens": {BEGIN: {"id": BEGIN, "ids": [vocabulary[BEGIN]], "tokens": [BEGIN]}},
        },
        "decoder": decoder,
        # a symbol outside the alphabet is an error, not a token
        "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": "<unknown>"},
    }
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": BEGIN,
        "eos_token": END,
        "pad_token": END,
        "clean_up_tokenization_spaces": False,
        "model_input_names": ["input_ids", "attention_mask"],
    }
    return {TOKENIZER: tokenizer, "tokenizer_config.json": config}


def symbols_of(tokenizer: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The alphabet in the contents of a `tokenizer.json`; None if it is not one of ours."""
    vocabulary = tokenizer.get("model", {}).get("vocab")
    if not isinstance(vocabulary, dict):
        return None
    tokens = sorted(vocabulary, key=vocabulary.__getitem__)
    return tuple(tokens[:-2]) if tokens[-2:] == [END, BEGIN] else None
