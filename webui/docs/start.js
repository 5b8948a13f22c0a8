// Shows /openapi.json in Swagger UI, in the colours that the reader's system asks for.

const dark = matchMedia("(prefers-color-scheme: dark)");

function follow() {
  document.documentElement.classList.toggle("dark-mode", dark.matches);
}

dark.addEventListener("change", follow);
follow();

SwaggerUIBundle({
  dom_id: "#viewer",
  url: "/openapi.json",
  deepLinking: true,
  // Opened one by one: the list is the overview.
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  // Otherwise it asks a server of its makers for an opinion.
  validatorUrl: null,
  // A token is typed in for this visit, and forgotten with the page.
  persistAuthorization: false,
});
