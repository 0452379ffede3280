"""Under construction."""

import streamlit as st

st.title("What sits in which part?")
