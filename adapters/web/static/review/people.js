// Who is signed in to the console; the owner can sign anybody out.

import { make, toast } from "/static/frame.js";
import { begin, place, section, sure, table, when } from "/static/review/page.js";
import { call } from "/static/wire.js";

async function show() {
  const { visits } = await call("GET", "/review/data/people");
  const rows = visits.map((one) => [
    make("div", {}, one.name, make("p.small", {}, one.user)),
    one.granted ? `${one.granted}, by the owner` : one.server,
    when(one.created),
    when(one.expires),
    sure("Sign out", "Sure?", async () => {
      await call("POST", `/review/data/people/${one.key}/dismiss`);
      toast(`${one.name} is signed out.`);
      await show();
    }),
  ]);
  place.replaceChildren(
    section(
      "Signed in",
      rows.length ? table(["Who", "Role comes from", "Since", "Until", ""], rows) : make("p.empty", {}, "Nobody has signed in by a link."),
      make("p.small", {}, "Moderators type /review on their server for a link of their own. What they may do is set there: moderators decide flags, viewers look on. Training is for admins and trainers of the servers named in CONSOLE_SERVERS."),
    ),
  );
}

begin(show);
