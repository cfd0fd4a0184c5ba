"""A secret that is shown once: kept from the run that made it to the next, until the person says that it is safe."""

import streamlit as st


def keep(name: str, secret: str | None) -> None:
    """Keeps a secret of this tab to be shown at the next drawing."""
    st.session_state[f"once-{name}"] = secret


def show(name: str, says: str) -> None:
    """Shows the secret, if there is one, until it is put away."""
    secret = st.session_state.get(f"once-{name}")
    if not secret:
        return
    with st.container(border=True):
        st.markdown(f":material/key: {says}")
        st.code(secret, language=None)
        st.button("I have kept it", key=f"kept-{name}", on_click=keep, args=(name, None))
