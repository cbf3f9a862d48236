import { render } from "preact";
import { App } from "./app.tsx";
import "./style/tokens.css";
import "./style/base.css";
import "./style/parts.css";

const page = document.getElementById("page");
if (page) render(<App />, page);
