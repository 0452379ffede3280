"""What several pages ask for in the same way: a text, how bytes are drawn. All of it stands in the URL."""

from typing import TYPE_CHECKING

import streamlit as st

from app import services, show, sidebar, theme
from tilelli.engine.choice import ENGINES
from tilelli.header import read_header
from tilelli.tokenizer import ByteTokenizer

if TYPE_CHECKING:
    from tilelli.sampling import Sampling

LONGEST_TEXT = 20_000  # characters; a URL can hold them
SAMPLES = {
    "A story": "Once upon a time there was a little fox who lived at the edge of the wood. Every morning the little "
    "fox ran down to the river to look for fish, and every evening the little fox came home.",
    "Facts": "The Moon is the only natural satellite of the Earth. It is about 384,000 kilometres away, and it takes "
    "about 27 days to go around the Earth once.",
    "Arithmetic": "Question: Ann has 3 bags with 4 apples each. She eats 2 apples. How many are left?\nAnswer: She has "
    "3 * 4 = 12 apples. 12 - 2 = 10. The answer is 10.",
    "Many scripts": "Hello, Привет, Γειά σου, שלום, سلام, नमस्ते, 你好, こんにちは, 안녕하세요, ⵜⵉⵍⵍⵍⵉ, 🌍!",
    "Noise": "xq7 zzv kpl;; 0x9f wrt mmn bqq 44 jjh vbn; tyu ## pol qaz wsx edc rfv tgb",
}


def ask_text(model_context: int, reader: str = "the model") -> bytes | None:
    """The shared text box; returns the bytes to look at, cut to what `reader` reads at once, or None if empty."""

    def use_sample() -> None:
        if st.session_state.sample:
            st.session_state.text = SAMPLES[st.session_state.sample]
            st.session_state.sample = None

    with st.container(horizontal=True, vertical_alignment="center"):
        st.pills(
            "Sample texts", list(SAMPLES), key="sample", on_change=use_sample, label_visibility="collapsed", wrap=True
        )
        banks = st.popover("A row of a bank", type="tertiary", icon=":material/quiz:", key="rows", on_change="rerun")
    if banks.open:  # nothing is read before
        with banks:
            show.guarded(_offer_row)
    raw = bytes(ByteTokenizer().encode(text_box("Text to look at", SAMPLES["A story"], key="text")))
    if not raw:
        st.info("The text is empty. Type something, or choose one of the samples above.")
        return None
    if len(raw) <= model_context:
        return raw
    starts = range(0, len(raw) - model_context + 1)
    label = f"The text is longer than {reader} reads at once. First byte shown:"
    start = slide(label, 0, starts[-1], key="from")
    st.caption(f"Bytes {start} to {start + model_context - 1} of {len(raw)}; {reader} reads {model_context} at once.")
    return raw[start : start + model_context]


def ask_bank(key: str, label: str = "Bank", none: str | None = None) -> str | None:
    """Name of a bundled bank, or of a JSONL file; with `none` there may be none, and this stands in its place."""
    from probes.banks import BUNDLED

    own = not services.read_only()  # a visitor may not name files of this computer
    hint = "A bundled bank" + (", or the path of a JSONL file of your own." if own else ".")
    index = None if none else 0
    return st.selectbox(
        label,
        list(BUNDLED),
        index,
        key=key,
        bind="query-params",
        placeholder=none or "",
        accept_new_options=own,
        help=hint,
    )


def ask_file(key: str, label: str, hint: str) -> str | None:
    """Path of a text on this computer, or of one uploaded into this box; None if none is named. It stands in the URL.

    Visitors of a shared dashboard may do neither.
    """

    def keep() -> None:
        if (file := st.session_state[f"{key}_upload"]) is not None:
            st.session_state[key] = services.add_text(file, file.name)

    if services.read_only():
        st.caption(f"{label}: this dashboard is shared for reading, so no text can be named.")
        return None
    with st.container(horizontal=True, vertical_alignment="bottom"):
        path = st.text_input(label, key=key, bind="query-params", placeholder="a file or a folder", help=hint)
        with st.popover("Upload", icon=":material/upload_file:", key=f"{key}_uploads"):
            limit, kinds = services.LARGEST_UPLOAD_MB, ["txt", "md", "jsonl", "json", "parquet", "gz", "xz", "zst"]
            what = f"{label}, at most {limit} MB"
            st.file_uploader(what, kinds, key=f"{key}_upload", on_change=keep, max_upload_size=limit)
    return (path or "").strip() or None


def _offer_row() -> None:
    """A row of a bank, to be put into the text box."""
    if (name := ask_bank("row_bank")) is None:
        return
    rows = services.bank(name).rows
    number = st.number_input(f"Row, 1 to {len(rows):,}", 1, len(rows), key=f"row_{name}")
    row = rows[int(number) - 1]
    unanswerable = "no right answer" if row.asks and not row.answerable else ""
    st.caption(" · ".join(filter(None, (row.part, row.category, unanswerable))))
    st.code(row.prompt, language=None, wrap_lines=True)
    st.button("Use this text", key="row_use", on_click=st.session_state.update, args=({"text": row.prompt},))


def slide(label: str, first: int, last: int, key: str, at: int | None = None) -> int:
    """A slider over whole numbers that stands in the URL, at first `at`, or at `first`.

    A shorter text has fewer places: one that lies beyond its end is forgotten, for Streamlit would raise an error.
    """
    if not first <= st.session_state.get(key, first) <= last:
        del st.session_state[key]
    return int(st.slider(label, first, last, first if at is None else at, key=key, bind="query-params"))


def text_box(label: str, default: str, key: str) -> str:
    """A box for text in any script, bound to the URL under `key`."""
    box = st.text_area(
        label,
        default,
        key=key,
        bind="query-params",
        max_chars=LONGEST_TEXT,
        height=100,
        help="Any text in any script. The model reads its UTF-8 bytes.",
    )
    return box or ""


def ask_sampling(new: int = 300, temperature: float = 0.8, most: int = 2000, prefix: str = "") -> "Sampling":
    """How bytes are to be drawn; every control stands in the URL, under its name after `prefix`.

    Args:
        new, temperature: what the controls stand at before anyone has touched them.
        most: the largest number of bytes that may be asked for.
        prefix: the page's own, where its defaults differ from those of the Write page.
    """
    from tilelli.sampling import Sampling

    first, second, third, fourth = st.columns(4)
    count = first.number_input("New bytes", 1, most, new, 50, key=f"{prefix}new", bind="query-params", help="At most.")
    heat = second.slider(
        "Temperature",
        0.0,
        2.0,
        temperature,
        0.05,
        key=f"{prefix}temperature",
        bind="query-params",
        help="0 takes the likeliest byte.",
    )
    top_p = third.slider(
        "Top-p",
        0.05,
        1.0,
        1.0,
        0.05,
        key=f"{prefix}top_p",
        bind="query-params",
        help="Draw from the likeliest bytes only.",
    )
    seed = fourth.number_input(
        "Seed", 0, 2**31 - 1, 1, key=f"{prefix}seed", bind="query-params", help="The same seed writes the same text."
    )
    return Sampling(max_new=int(count), temperature=heat, top_p=top_p, seed=int(seed))


def ask_engine() -> str:
    """Which engine is to write: one choice for all pages on which a model writes."""
    return str(
        st.segmented_control(
            "Engine",
            ENGINES,
            default=ENGINES[0],
            required=True,
            key="engine",
            bind="query-params",
            help="What computes; all write the same text. **torch** alone takes splices and interventions, and writes "
            "those whatever stands here; but Write and Compare can skip with numba. **numpy** needs nothing else. "
            "**numba** is machine code, by far the fastest; it is compiled once on a computer, in the background. "
            "**auto** begins with numpy and goes on with numba as soon as that is there. The line under a text says "
            "which engine wrote it.",
        )
    )


def ask_gate(name: str, prefix: str) -> float | None:
    """From which abstain probability on a chat model's gate declines; None if it is off, or there is no head."""
    from tilelli.chat import threshold

    model, key = services.model(name), f"{prefix}threshold"
    usual, has = round(threshold(model), 3), model.config.abstain
    if st.session_state.get(f"{key}_of", name) != name:
        st.session_state[key] = usual  # the one that stood here was chosen for another model
    st.session_state[f"{key}_of"] = name
    left, right = st.columns([1, 3], vertical_alignment="center")
    on = left.toggle("Abstain gate", True, key=f"{prefix}gate", bind="query-params", disabled=not has)
    least = right.slider(
        "Decline from this abstain probability on",
        0.0,
        1.0,
        usual,
        0.001,
        "%.3f",
        key=key,
        bind="query-params",
        disabled=not (has and on),
    )
    if not has:
        st.caption("This model has no abstain head for the gate to read: it can decline in words only.")
    return float(least) if has and on else None


def describe(name: str, runs: bool = True) -> str:
    """One line under a page's heading: which checkpoint this is; `runs` if the page runs it, under interventions."""
    header = read_header(name)
    changed = runs and sidebar.interventions(name)
    under = f" · under `{changed}`" if changed else ""
    return f"`{name}` · {header.config.kind} · {theme.count(header.num_parameters)} parameters{under}"
