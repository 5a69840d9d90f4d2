/** Definitions of tools that know or remember things. See well_known.ts. */
import type { ServerRows } from "./well_known.ts";

/** The servers. */
export const knowledgeServers: ServerRows = {
  memory: [
    [
      "create_entities",
      "Create multiple new entities in the knowledge graph",
      "entities*: Entities with a name, an entityType and observations, which are contents associated with the entity",
    ],
    [
      "create_relations",
      "Create multiple new relations between entities in the knowledge graph. Relations should be in active voice",
      "relations*: Relations with from (the entity where the relation starts), to (the entity where it ends) and relationType",
    ],
    [
      "add_observations",
      "Add new observations to existing entities in the knowledge graph",
      "observations*: The entityName to add the observations to, and contents, an array of observation contents to add",
    ],
    [
      "delete_entities",
      "Delete multiple entities and their associated relations from the knowledge graph",
      "entityNames*: An array of entity names to delete",
    ],
    [
      "delete_observations",
      "Delete specific observations from entities in the knowledge graph",
      "deletions*: The entityName containing the observations, and the observations to delete",
    ],
    [
      "delete_relations",
      "Delete multiple relations from the knowledge graph",
      "relations*: An array of relations to delete",
    ],
    ["read_graph", "Read the entire knowledge graph", ""],
    [
      "search_nodes",
      "Search for nodes in the knowledge graph based on a query",
      "query: The search query to match against entity names, types, and observation content",
    ],
    [
      "open_nodes",
      "Open specific nodes in the knowledge graph by their names",
      "names*: An array of entity names to retrieve",
    ],
  ],
  time: [
    [
      "get_current_time",
      "Get current time in a specific timezone",
      "timezone: IANA timezone name (e.g., 'America/New_York', 'Europe/London'). Use the local timezone if no timezone is provided by the user",
    ],
    [
      "convert_time",
      "Convert time between timezones",
      "source_timezone: Source IANA timezone name; time: Time to convert in 24-hour format (HH:MM); target_timezone: Target IANA timezone name",
    ],
  ],
  "brave-search": [
    [
      "brave_web_search",
      "Performs web searches using the Brave Search API and returns comprehensive search results with rich metadata. Use it for general information, current events and online content",
      "query: Search query (max 400 chars, 50 words); count?#: Number of results (1-20); offset?#: Pagination offset; freshness?: Filters results by when they were discovered",
    ],
    [
      "brave_local_search",
      "Searches for local businesses and places: names, addresses, ratings, phone numbers and opening hours",
      "query: Local search query (e.g. 'pizza near Central Park'); count?#: Number of results",
    ],
    [
      "brave_news_search",
      "Searches for news articles using Brave's News Search API based on the user's query. Use it when you need current news information, breaking news updates, or articles about specific topics",
      "query: Search query; count?#: Number of results; freshness?: Filters by age of the articles",
    ],
    [
      "brave_image_search",
      "Performs an image search using the Brave Search API",
      "query: The user's search query; count?#: Number of results",
    ],
    [
      "brave_video_search",
      "Searches for videos using Brave's Video Search API and returns structured video results with metadata",
      "query: The user's search query; count?#: Number of results",
    ],
  ],
  coingecko: [
    [
      "get_simple_price",
      "Query the prices of one or more coins by their unique coin API IDs",
      "ids: Coins' IDs, comma-separated, such as bitcoin; vs_currencies: Target currencies of coins, comma-separated, such as usd; include_market_cap?!: Include market capitalization; include_24hr_change?!: Include 24hr change",
    ],
    [
      "get_coins_markets",
      "Query all the supported coins with price, market cap, volume and market related data",
      "vs_currency: Target currency of coins and market data; ids?: Coins' IDs; order?: Sort result by field; per_page?#: Total results per page",
    ],
    [
      "get_search_trending",
      "Query trending search coins, NFTs and categories on CoinGecko in the last 24 hours",
      "show_max?: Show max number of results available for the given type",
    ],
    [
      "get_coins_history",
      "Query the historical data (price, market cap, 24hr volume) at a given date for a coin",
      "id: Coin ID; date: The date of data snapshot in dd-mm-yyyy",
    ],
    [
      "get_global",
      "Query cryptocurrency global data including active cryptocurrencies, markets and total crypto market cap",
      "",
    ],
  ],
};
