"""Under construction."""

import streamlit as st

st.title("What hangs on each pathway?")
