// Signing in and making an account.

import { enter, wording } from "./api.js";
import { part, tell } from "./page.js";

/** The form of a page: path is "login" or "register". `done` is called once one is in. */
export function entry(root, path, done) {
  const form = root.querySelector("form");
  const problem = part(root, "problem");
  submits(form, problem, async () => {
    try {
      await enter(path, form.elements.email.value.trim(), form.elements.password.value, form.elements.code?.value.trim());
    } catch (error) {
      // The password is right: one more question.
      if (error.code !== "code_needed") throw error;
      part(root, "code").hidden = false;
      form.elements.code.required = true;
      form.elements.code.focus();
      return;
    }
    done();
  });
}

/** Let a form do something, once at a time, and say what went wrong where it is. */
export function submits(form, problem, act) {
  const button = form.querySelector("[type=submit]");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (button.disabled) return;
    tell(problem, "");
    for (const input of form.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
    const wrong = [...form.querySelectorAll("input:not(.unseen)")].find((input) => !input.validity.valid);
    if (wrong) return void refuse(wrong, complaint(wrong));
    button.disabled = true;
    try {
      await act();
    } catch (error) {
      const named = { invalid_email: "email", email_taken: "email", invalid_credentials: "password", wrong_password: "password", invalid_password: "new_password", wrong_code: "code", code_refused: "code" }[error.code];
      const input = form.elements[named] ?? (named === "new_password" ? form.elements.password : null);
      refuse(input, wording(error));
    } finally {
      button.disabled = false;
    }
  });

  function refuse(input, text) {
    tell(problem, text);
    if (!input) return;
    input.setAttribute("aria-invalid", "true");
    input.focus();
  }
}

function complaint(input) {
  const name = document.querySelector(`label[for="${input.id}"]`).textContent;
  if (input.validity.valueMissing) return `${name} is missing.`;
  if (input.validity.tooShort) return `${name}: at least ${input.minLength} characters, please.`;
  if (input.type === "email") return "That is not an email address. It should look like name@example.org.";
  if (input.validity.customError) return "Choose at least one.";
  return `${name} is not right.`;
}
