import streamlit as st
st.title('write')
