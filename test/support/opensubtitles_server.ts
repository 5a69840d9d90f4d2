/**
 * The REST API of OpenSubtitles (v1) as its documentation and its public clients show it: the key
 * and the User-Agent on each request, the log-in with its token and base URL, pages of subtitles,
 * downloads that spend a quota, and its errors. Requests that it would redirect or refuse are refused.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { type FaultServer, serveFaults } from "./fault_server.ts";

/** What is valid. */
export interface OpensubtitlesOptions {
  readonly apiKey: string;
  readonly username?: string;
  readonly password?: string;
  /** Downloads of a day. */
  readonly downloads?: number;
  /** What the log-in gives as base URL; absent: this server's own host. */
  readonly baseUrl?: string;
}

/** The running API; its base URL is `origin` + `/api/v1`. */
export interface OpensubtitlesServer extends FaultServer {
  readonly baseUrl: string;
  /** Makes the tokens given so far invalid. */
  revoke(): void;
}

const prefix = "/api/v1";
const pages = 2;
const perPage = 50;

/** Starts the API. */
export async function serveOpensubtitles(
  options: OpensubtitlesOptions,
): Promise<OpensubtitlesServer> {
  let generation = 1;
  let remaining = options.downloads ?? 20;
  const tokenNow = () => `token-${generation}-of-${options.apiKey.length}`;
  const user = () => ({
    allowed_downloads: options.downloads ?? 20,
    allowed_translations: 5,
    level: "Sub leecher",
    user_id: 66,
    ext_installed: false,
    vip: false,
  });
  const isLoggedIn = (request: IncomingMessage) =>
    request.headers.authorization === `Bearer ${tokenNow()}`;

  const answers: Readonly<
    Record<string, (request: IncomingMessage, query: URLSearchParams, body: Body) => Answer>
  > = {
    "POST /login": (_, __, { username, password }) =>
      username === options.username && password === options.password
        ? [200, {
          user: user(),
          base_url: options.baseUrl ?? new URL(server.origin).host,
          token: tokenNow(),
          status: 200,
        }]
        : [401, { message: "Error, invalid username/password", status: 401 }],
    "GET /subtitles": (_, query) => {
      const page = Number(query.get("page") ?? 1);
      const data = page > pages ? [] : Array.from({ length: 3 }, (_, at) => subtitle(page, at));
      return [200, { total_pages: pages, total_count: 6, per_page: perPage, page, data }];
    },
    "GET /features": () => [200, { data: [feature] }],
    "GET /infos/languages": () => [200, {
      data: [
        { language_code: "en", language_name: "English" },
        { language_code: "pt-br", language_name: "Portuguese (BR)" },
      ],
    }],
    "GET /infos/formats": () => [200, {
      data: { output_formats: ["srt", "sub", "mpl", "webvtt", "dfxp", "txt"] },
    }],
    "GET /infos/user": (request) =>
      isLoggedIn(request)
        ? [200, { data: { ...user(), downloads_count: 0, remaining_downloads: remaining } }]
        : [401, { message: "invalid token", status: 401 }],
    "POST /download": (request, _, { file_id }) => {
      if (!isLoggedIn(request)) return [401, { message: "invalid token", status: 401 }];
      if (typeof file_id !== "number") return [400, { message: "file_id is missing", status: 400 }];
      const used = (options.downloads ?? 20) - remaining;
      if (remaining <= 0) {
        return [406, {
          requests: used,
          remaining: -1,
          message: `You have downloaded your allowed ${used} subtitles for 24h`,
          reset_time: "23 hours and 57 minutes",
          reset_time_utc: "2026-06-02T00:00:00.000Z",
        }];
      }
      remaining -= 1;
      return [200, {
        link:
          `https://www.opensubtitles.com/download/A1B2/subfile/castle.rock.s01e03.${file_id}.srt`,
        file_name: "castle.rock.s01e03.srt",
        requests: used + 1,
        remaining,
        message: `Your quota will be renewed in 23 hours and 57 minutes`,
        reset_time: "23 hours and 57 minutes",
        reset_time_utc: "2026-06-02T00:00:00.000Z",
      }];
    },
  };

  const server = await serveFaults((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "", "http://x");
    const answer = answers[`${request.method} ${pathname.replace(prefix, "")}`];
    if (answer === undefined || !pathname.startsWith(prefix)) {
      return send(response, [404, { message: "Not found", status: 404 }]);
    }
    const problem = refuse(request, searchParams, options.apiKey);
    if (problem !== undefined) return send(response, problem);
    const body = server.seen.at(-1)?.body ?? "";
    send(response, answer(request, searchParams, body === "" ? {} : JSON.parse(body) as Body));
  });
  return {
    ...server,
    baseUrl: `${server.origin}${prefix}`,
    revoke: () => void (generation += 1),
  };
}

type Body = Readonly<Record<string, unknown>>;
type Answer = readonly [number, unknown];

/** What is wrong with a request whatever it wants. */
function refuse(
  request: IncomingMessage,
  query: URLSearchParams,
  apiKey: string,
): Answer | undefined {
  const { "api-key": key, "user-agent": agent = "", "content-type": type } = request.headers;
  if (key !== apiKey) return [403, { message: "You cannot consume this service" }];
  if (!/^\S.* v?\d/.test(agent)) return [403, { message: "User-Agent header is wrong" }];
  if (request.method === "POST" && type !== "application/json") {
    return [415, { message: "Content-Type must be application/json", status: 415 }];
  }
  // The API redirects to the sorted, lower-case form, which costs a request more.
  const names = [...query.keys()];
  if (names.join() !== [...names].sort().join() || names.some((name) => /[A-Z]/.test(name))) {
    return [422, { message: "Parameters are to be sorted and in lower case", status: 422 }];
  }
  return undefined;
}

function subtitle(page: number, at: number) {
  return {
    id: `${page}00${at}`,
    type: "subtitle",
    attributes: {
      subtitle_id: `${page}00${at}`,
      language: "en",
      download_count: 697_844,
      new_download_count: 3_921,
      hearing_impaired: false,
      hd: false,
      fps: 23.976,
      votes: 4,
      points: 28,
      ratings: 6,
      from_trusted: true,
      foreign_parts_only: false,
      upload_date: "2009-09-04T19:36:00Z",
      ai_translated: false,
      machine_translated: false,
      moviehash_match: true,
      release: "Season 1 (Whole) DVDrip.XviD-SAiNTS",
      comments: "x".repeat(400),
      legacy_subtitle_id: 100 + at,
      uploader: { uploader_id: 47_823, name: "scooby007", rank: "translator" },
      feature_details: {
        feature_id: 38_367,
        feature_type: "Episode",
        year: 1994,
        title: "The Pilot",
        movie_name: "Friends - S01E01  The Pilot",
        imdb_id: 583_459,
        tmdb_id: 85_987,
        season_number: 1,
        episode_number: 1,
        parent_imdb_id: 108_778,
        parent_title: "Friends",
        parent_tmdb_id: 1668,
        parent_feature_id: 7251,
      },
      url: `https://www.opensubtitles.com/en/subtitles/legacy/${page}00${at}`,
      related_links: [{
        label: "All subtitles for Tv Show Friends",
        url: "https://www.opensubtitles.com/en/tvshows/1994-friends",
        img_url: "https://s9.opensubtitles.com/features/1/5/2/7251.jpg",
      }],
      files: [{ file_id: 1_923_552 + at, cd_number: 1, file_name: "Friends.S01E01.srt" }],
    },
  };
}

const feature = {
  id: "646553",
  type: "feature",
  attributes: {
    title: "Wanted",
    original_title: null,
    year: "2005",
    subtitles_counts: { en: 12, es: 3 },
    subtitles_count: 15,
    seasons_count: 0,
    parent_title: "",
    season_number: 0,
    episode_number: null,
    imdb_id: 445_946,
    tmdb_id: 12_345,
    parent_imdb_id: null,
    feature_id: "646553",
    title_aka: ["Wanted", "Se busca"],
    feature_type: "Movie",
    url: "https://www.opensubtitles.com/en/movies/2005-wanted",
    img_url: "https://s9.opensubtitles.com/features/3/5/5/646553.jpg",
  },
};

function send(response: ServerResponse, [code, body]: Answer): void {
  response.writeHead(code, { "content-type": "application/json; charset=utf-8" });
  response.end(JSON.stringify(body));
}
