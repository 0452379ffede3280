"""The dashboard: Streamlit pages that choose, call and draw. Start it with `streamlit run app/main.py`."""
