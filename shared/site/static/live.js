// A page whose parts change: they are replaced while somebody looks.
import { live, replaceParts } from "./site.js";

live(() => Number(document.getElementById("main").dataset.liveEvery), replaceParts);
