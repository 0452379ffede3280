"""Page list and shared sidebar, nothing else. Start with: streamlit run app/main.py"""

import sys
from pathlib import Path

ROOT = str(Path(__file__).parent.parent)
if ROOT not in sys.path:
    sys.path.insert(0, ROOT)  # so that it runs from anywhere, installed or not

import streamlit as st  # noqa: E402

from app import services, sidebar  # noqa: E402

st.set_page_config(page_title="Tilelli Lab", page_icon=Path(__file__).with_name("icon.svg"), layout="wide")
services.warm_up()
page = st.navigation(
    {
        "": [
            st.Page("views/overview.py", title="Overview", icon=":material/home:", default=True),
            st.Page("views/checkpoints.py", title="Checkpoints", icon=":material/database:"),
            st.Page("views/write.py", title="Write", icon=":material/edit:"),
            st.Page("views/chat.py", title="Chat", icon=":material/chat:"),
        ],
        "See inside": [
            st.Page("views/routing.py", title="Router", icon=":material/alt_route:"),
            st.Page("views/attention.py", title="Attention", icon=":material/hub:"),
            st.Page("views/weights.py", title="Weights", icon=":material/grid_on:"),
        ],
        "Change and compare": [
            st.Page("views/ablation.py", title="Ablation map", icon=":material/content_cut:"),
            st.Page("views/compare.py", title="Compare", icon=":material/compare_arrows:"),
            st.Page("views/splice.py", title="Splice", icon=":material/merge:"),
            st.Page("views/speed.py", title="Speed", icon=":material/bolt:"),
        ],
        "Ask it": [
            st.Page("views/abstain.py", title="Abstain", icon=":material/help:"),
            st.Page("views/calibration.py", title="Calibration", icon=":material/percent:"),
            st.Page("views/metacognition.py", title="Metacognition", icon=":material/psychology_alt:"),
            st.Page("views/diagnostics.py", title="Diagnostics", icon=":material/stethoscope:"),
            st.Page("views/results.py", title="Results", icon=":material/fact_check:"),
        ],
        "Train": [
            st.Page("views/training.py", title="Training", icon=":material/monitoring:"),
        ],
    },
    expanded=True,
)
sidebar.choose_interventions(sidebar.choose_checkpoint())
page.run()
