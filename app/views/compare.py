"""Under construction."""

import streamlit as st

st.title("How do checkpoints differ?")
