"""The theorems behind the verdicts: statement, source, status, BibTeX."""

from __future__ import annotations

from dataclasses import dataclass

from starfree.errors import InputError


@dataclass(frozen=True)
class Theorem:
    """A published result that verdicts rest on.

    Attributes:
        id: what a verdict names, and `starfree cite` takes.
        title: empty where our sources do not give it.
        statement: what is used of it here, in one sentence.
        status: ``proved``; or what is known against or beyond the proof.
        arxiv: the arXiv number, empty where there is none.
    """

    id: str
    authors: str
    title: str
    year: int
    venue: str
    arxiv: str
    statement: str
    status: str = "proved"

    @property
    def reference(self) -> str:
        """Authors, year, number: one line."""
        names = [name.split()[-1] for name in self.authors.split(" and ")]
        few = len(names) <= 3 and "others" not in names
        who = ", ".join(names) if few else f"{names[0]} et al."
        source = f"arXiv {self.arxiv}" if self.arxiv else self.venue
        return f"{who} {self.year} ({source})"

    def bibtex(self) -> str:
        """An entry for a bibliography."""
        fields = {
            "author": self.authors,
            "title": "{" + (self.title or f"arXiv {self.arxiv}") + "}",
            "booktitle": self.venue,
            "year": str(self.year),
        }
        if self.arxiv:
            fields |= {"eprint": self.arxiv, "archivePrefix": "arXiv"}
        lines = "".join(f"  {name} = {{{value}}},\n" for name, value in fields.items())
        return f"@inproceedings{{{self.id},\n{lines}}}\n"


THEOREMS = (
    Theorem(
        "sarrof2024",
        "Yash Sarrof and Yana Veitsman and Michael Hahn",
        "The Expressive Capacity of State Space Models: A Formal Language Perspective",
        2024,
        "NeurIPS",
        "2405.17394",
        "State space models with non-negative diagonal gates at finite precision (p fractional "
        "bits, unbounded integers) predictively model a regular language iff it is star-free, and "
        "model Dyck-1, shuffles, Boolean expressions and a^n b^n .. by counters.",
        "later work (dankowiakowski2025) calls the finite-precision argument not fully formal",
    ),
    Theorem(
        "sarrof2024-dyck",
        "Yash Sarrof and Yana Veitsman and Michael Hahn",
        "The Expressive Capacity of State Space Models: A Formal Language Perspective",
        2024,
        "NeurIPS",
        "2405.17394",
        "Two layers with O(h log K) units predictively model Dyck(K, h) at finite precision.",
    ),
    Theorem(
        "sarrof2024-time-invariant",
        "Yash Sarrof and Yana Veitsman and Michael Hahn",
        "The Expressive Capacity of State Space Models: A Formal Language Perspective",
        2024,
        "NeurIPS",
        "2405.17394",
        "Time-invariant gates do not recognise parity at finite precision, whatever their sign.",
        "proved for gates whose angles are rational multiples of pi",
    ),
    Theorem(
        "nowak2026",
        "Nowak and Cotterell and Boumasmoud",
        "",
        2026,
        "ICML",
        "2606.01765",
        "In floating point the update monoid of non-negative gates is aperiodic and every group of "
        "signed gates is a 2-group; unsigned integers that wrap around give non-negative gates "
        "2-groups (C of order 2^k in one layer); none of these counts modulo 3.",
    ),
    Theorem(
        "grazzi2025",
        "Riccardo Grazzi and Julien Siems and Arber Zela and Jörg K. H. Franke and Frank Hutter "
        "and Massimiliano Pontil",
        "Unlocking State-Tracking in Linear RNNs Through Negative Eigenvalues",
        2025,
        "ICLR",
        "2411.12537",
        "Parity needs a negative eigenvalue, counting modulo a number that is no power of two a "
        "non-real one; products of Householder reflections model every regular language, and a "
        "group of permutations of k points in one layer with k - 1 reflections a letter.",
    ),
    Theorem(
        "khavari2025",
        "Behnoush Khavari and others",
        "Parity Requires Unified Input Dependence and Negative Eigenvalues in SSMs",
        2025,
        "arXiv",
        "2508.07395",
        "Parity needs one layer with both input dependence and negative eigenvalues.",
    ),
    Theorem(
        "siems2025",
        "Julien Siems and Timur Carstensen and Arber Zela and Frank Hutter and Massimiliano Pontil "
        "and Riccardo Grazzi",
        "DeltaProduct: Improving State-Tracking in Linear RNNs via Householder Products",
        2025,
        "NeurIPS",
        "2502.10297",
        "The group S_n is tracked in one layer with n - 1 Householder reflections a letter.",
    ),
    Theorem(
        "shakerinava2026",
        "Mehran Shakerinava and Behnoush Khavari and others",
        "Expressive Limits of Diagonal SSMs for State-Tracking",
        2026,
        "ICLR",
        "2603.01959",
        "k layers of input-dependent complex diagonal gates track a group iff it has a subnormal "
        "series of length k with abelian factors; the least k is the derived length. Groups that "
        "are not solvable are never tracked at finite precision.",
    ),
    Theorem(
        "alsmann2026",
        "Eric Alsmann and Lowejatan Noori and Martin Lange",
        "On the Expressiveness of State Space Models via Temporal Logics",
        2026,
        "ICLR",
        "2601.19467",
        "Diagonal gates of fixed width capture past linear temporal logic; time-invariant gates "
        "its unary-negation fragment with modular predicates.",
        "that time-invariant gates cannot do `since` is a conjecture",
    ),
    Theorem(
        "terzic2025",
        "Aleksandar Terzić and others",
        "Structured Sparse Transition Matrices to Enable State Tracking in State-Space Models",
        2025,
        "NeurIPS",
        "2509.22284",
        "A column one-hot matrix times a complex diagonal simulates any automaton of N states in "
        "one layer of width N.",
    ),
    Theorem(
        "merrill2024",
        "William Merrill and Jackson Petty and Ashish Sabharwal",
        "The Illusion of State in State-Space Models",
        2024,
        "ICML",
        "2404.08819",
        "S4 and Mamba at logarithmic precision are in TC0; dense input-dependent or non-linear "
        "recurrences are not.",
        "excludes non-solvable groups unless TC0 = NC1",
    ),
    Theorem(
        "merrill2023",
        "William Merrill and Ashish Sabharwal",
        "The Parallelism Tradeoff: Limitations of Log-Precision Transformers",
        2023,
        "TACL",
        "2207.00729",
        "Transformers at logarithmic precision are in TC0.",
        "excludes non-solvable groups unless TC0 = NC1",
    ),
    Theorem(
        "li2025",
        "Jiaoda Li and Ryan Cotterell",
        "Characterizing the Expressivity of Fixed-Precision Transformer Language Models",
        2025,
        "NeurIPS",
        "2505.23623",
        "Fixed-precision softmax attention with strict masking and no position code recognises "
        "exactly the R-trivial languages (past temporal logic with one operator).",
    ),
    Theorem(
        "yang2024",
        "Andy Yang and David Chiang and Dana Angluin",
        "Masked Hard-Attention Transformers Recognize Exactly the Star-Free Languages",
        2024,
        "NeurIPS",
        "2310.13897",
        "Unique hard attention with strict masking and no position code recognises exactly the "
        "star-free languages.",
    ),
    Theorem(
        "yang2024-counting",
        "Andy Yang and David Chiang",
        "Counting Like Transformers: Compiling Temporal Counting Logic Into Softmax Transformers",
        2024,
        "COLM",
        "2404.04393",
        "Softmax transformers whose precision grows express C-RASP, which holds Dyck-1 and "
        "a^n b^n c^n.",
    ),
    Theorem(
        "yang2026",
        "Yang and Veseli and Hahn and others",
        "Algebraic Decomposition Theory for Transformer Length Generalization",
        2026,
        "arXiv",
        "2608.13433",
        "The syntactic monoid decides whether a regular language is in C-RASP, which predicts "
        "length generalisation of trained transformers; the flip-flop is not in it.",
        "proved; that membership predicts generalisation rests on experiments too",
    ),
    Theorem(
        "bhattamishra2020",
        "Satwik Bhattamishra and Kabir Ahuja and Navin Goyal",
        "On the Ability and Limitations of Transformers to Recognize Formal Languages",
        2020,
        "EMNLP",
        "2009.11264",
        "Transformers without position codes model shuffles of Dyck-1 and n-ary Boolean "
        "expressions by uniform attention.",
    ),
    Theorem(
        "dankowiakowski2025",
        "Dankowiakowski and Ronca",
        "Metric Automata Theory: A Unifying Theory of RNNs",
        2025,
        "NeurIPS",
        "",
        "With exact reals and gates strictly inside (0, 1) a repeated ignore letter shrinks every "
        "margin to 0: no flip-flop as an eta-finite system or with a margin; under the sign "
        "reading all star-free languages are possible.",
    ),
    Theorem(
        "hewitt2020",
        "John Hewitt and Michael Hahn and Surya Ganguli and Percy Liang and Christopher D. Manning",
        "RNNs can generate bounded hierarchical languages with optimal memory",
        2020,
        "EMNLP",
        "2010.07515",
        "Recurrent networks model Dyck(K, h) with O(h log K) units, and no online model has fewer "
        "than h log2 K bits.",
    ),
    Theorem(
        "weiss2018",
        "Gail Weiss and Yoav Goldberg and Eran Yahav",
        "On the Practical Computational Power of Finite Precision RNNs for Language Recognition",
        2018,
        "ACL",
        "1805.04908",
        "At finite precision LSTMs count; simple recurrent networks and GRUs do not.",
    ),
    Theorem(
        "merrill2020",
        "William Merrill and Gail Weiss and Yoav Goldberg and Roy Schwartz and Noah A. Smith and "
        "Eran Yahav",
        "A Formal Hierarchy of RNN Architectures",
        2020,
        "ACL",
        "2004.08500",
        "Saturated simple recurrent networks and GRUs are exactly the finite automata; LSTMs are "
        "counter machines.",
    ),
    Theorem(
        "finite-memory",
        "Michael O. Rabin and Dana Scott",
        "Finite Automata and Their Decision Problems",
        1959,
        "IBM Journal of Research and Development",
        "",
        "Numbers of a fixed format take finitely many values, so a fixed number of them is a "
        "finite automaton.",
    ),
    Theorem(
        "last-letter",
        "folklore",
        "A stateless map of the last letter",
        2026,
        "by construction",
        "",
        "Where the legal set depends on the last letter alone, the letter's own residual stream "
        "gives it; a map of the last k letters gives it iff it depends on these alone.",
    ),
)

_BY_ID = {theorem.id: theorem for theorem in THEOREMS}


def theorem(name: str) -> Theorem:
    """Look up a theorem by its id.

    Raises:
        InputError: unknown; lists the ids.
    """
    if name not in _BY_ID:
        raise InputError(f"unknown theorem {name!r}; one of {', '.join(_BY_ID)}")
    return _BY_ID[name]
