/** The rows of the admin API by which the operator's page is opened, logged in and logged out. */
import * as v from "valibot";
import type { Limits } from "../../limits.ts";
import { AdminError } from "./admin_errors.ts";
import { type AdminRow, answerJson } from "./admin_request.ts";
import type { PageLogins } from "./page_logins.ts";

/** A link that opens the page once, and until when (ISO 8601). */
export interface PageLink {
  readonly url: string;
  readonly expiresAt: string;
}

/** What the rows work on. */
export interface PageLoginParts {
  readonly pages: PageLogins;
  /** The base of the admin API, without a path. */
  readonly url: () => string;
  readonly limits: Pick<Limits, "pageCodeCharsMax">;
}

const nothing = v.strictObject({}, "an empty object");

/** Makes a link. The code is in the fragment, which browsers send to no server. */
export function makePageLink({ pages, url }: Pick<PageLoginParts, "pages" | "url">): PageLink {
  const { value, expiresAt } = pages.makeCode();
  return { url: `${url()}/admin#code=${value}`, expiresAt };
}

/** Makes the rows. */
export function pageLoginRows(parts: PageLoginParts): readonly AdminRow[] {
  const { pages, limits } = parts;
  const expected = `a code of at most ${limits.pageCodeCharsMax} characters`;
  const codeForm = v.strictObject({
    code: v.pipe(v.string(expected), v.maxLength(limits.pageCodeCharsMax, expected)),
  }, "an object with code");
  return [
    {
      method: "POST",
      path: "/admin/page/link",
      right: "owner",
      answer: async ({ readBody }) => {
        await readBody(nothing);
        return answerJson(makePageLink(parts), 201);
      },
    },
    {
      method: "POST",
      path: "/admin/page/token",
      right: "none",
      answerOpenly: async ({ readBody }) => {
        const { code } = await readBody(codeForm);
        const { value, expiresAt } = pages.redeem(code);
        return answerJson({ token: value, expiresAt }, 201);
      },
    },
    {
      method: "DELETE",
      path: "/admin/page/token",
      right: "operator",
      answer: ({ login }) => {
        if (login === undefined) {
          throw new AdminError(
            "invalid",
            "Cannot end this token: it is a file of the data folder, not the token of a page",
          );
        }
        login.end("the operator logged out");
        return answerJson({});
      },
    },
  ];
}
