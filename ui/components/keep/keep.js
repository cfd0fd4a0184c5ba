// Keeps the sign-in across a reload of this tab: the refresh token, in sessionStorage (this tab and origin only).
// A cookie without any secret says that there may be one, so that the first paint need not show the form.
const KEY = "winnow:sign-in";
const MARK = "winnow_signed_in";

export default function ({ data, setStateValue }) {
  if (data.token) {
    sessionStorage.setItem(KEY, data.token);
    document.cookie = `${MARK}=1; path=/; SameSite=Strict`;
  } else if (data.forget) {
    for (const key of Object.keys(sessionStorage)) if (key.startsWith("winnow:")) sessionStorage.removeItem(key);
    document.cookie = `${MARK}=; path=/; SameSite=Strict; max-age=0`;
  } else {
    setStateValue("found", sessionStorage.getItem(KEY) ?? "");
  }
}
