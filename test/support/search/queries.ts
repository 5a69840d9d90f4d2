/**
 * Forty things that a model would search a tool for, and the tools that one would expect: as
 * `server/tool`, by the usual names of well-known servers. They were written before the index and
 * before the definitions of the tools, and are not changed to suit either.
 */

/** One query and the tools of which one should be among the first hits. */
export interface SearchQuery {
  readonly query: string;
  readonly expected: readonly string[];
}

/** The queries. */
export const searchQueries: readonly SearchQuery[] = [
  {
    query: "open a pull request for my branch on GitHub",
    expected: ["github/create_pull_request"],
  },
  { query: "find where a function is used in our repositories", expected: ["github/search_code"] },
  {
    query: "start the failed CI pipeline again",
    expected: ["gitlab/retry_pipeline", "gitlab/create_pipeline"],
  },
  {
    query: "leave a comment on a GitLab merge request",
    expected: ["gitlab/create_merge_request_note"],
  },
  {
    query: "what did we discuss in the team channel yesterday",
    expected: ["slack/slack_get_channel_history"],
  },
  {
    query: "send a message to the #general channel in Slack",
    expected: ["slack/slack_post_message"],
  },
  { query: "react with a thumbs up emoji", expected: ["slack/slack_add_reaction"] },
  {
    query: "read a text file from disk",
    expected: ["filesystem/read_text_file", "filesystem/read_file"],
  },
  { query: "which files are in this folder", expected: ["filesystem/list_directory"] },
  { query: "rename a file", expected: ["filesystem/move_file"] },
  {
    query: "show what I changed but have not staged yet",
    expected: ["git/git_diff_unstaged"],
  },
  { query: "commit the staged changes", expected: ["git/git_commit"] },
  { query: "switch to another git branch", expected: ["git/git_checkout"] },
  {
    query: "run a SQL select on the database",
    expected: ["postgres/execute_sql", "postgres/query"],
  },
  {
    query: "which columns does this table have",
    expected: ["postgres/get_object_details", "postgres/describe_table"],
  },
  { query: "click the login button on a web page", expected: ["playwright/browser_click"] },
  {
    query: "take a picture of the page in the browser",
    expected: ["playwright/browser_take_screenshot"],
  },
  { query: "fill in a web form", expected: ["playwright/browser_fill_form"] },
  {
    query: "find a spreadsheet in Google Drive",
    expected: ["google-drive/search_files"],
  },
  {
    query: "share a document with a colleague",
    expected: ["google-drive/share_file", "google-drive/create_permission"],
  },
  { query: "schedule a meeting for tomorrow at ten", expected: ["google-calendar/create_event"] },
  {
    query: "when is everybody free next week",
    expected: ["google-calendar/get_freebusy", "google-calendar/find_free_slots"],
  },
  { query: "send an email to a customer", expected: ["gmail/send_email"] },
  { query: "find unread mails from my boss", expected: ["gmail/search_emails"] },
  { query: "write a new page in Notion", expected: ["notion/create_page"] },
  { query: "file a bug in Jira", expected: ["atlassian/jira_create_issue"] },
  {
    query: "move a Jira ticket to in progress",
    expected: ["atlassian/jira_transition_issue"],
  },
  {
    query: "look something up in the Confluence wiki",
    expected: ["atlassian/confluence_search", "atlassian/confluence_get_page"],
  },
  { query: "assign a Linear issue to someone", expected: ["linear/update_issue"] },
  { query: "which cycle is the team in", expected: ["linear/list_cycles"] },
  {
    query: "latest errors in production",
    expected: ["sentry/search_issues", "sentry/list_issues", "sentry/search_events"],
  },
  {
    query: "stack trace of a crash",
    expected: ["sentry/get_issue_details", "sentry/get_event"],
  },
  { query: "give a customer the money back", expected: ["stripe/create_refund"] },
  { query: "create an invoice for a customer", expected: ["stripe/create_invoice"] },
  {
    query: "show the logs of a pod",
    expected: ["kubernetes/pods_log", "kubernetes/kubectl_logs"],
  },
  {
    query: "scale a deployment to five replicas",
    expected: ["kubernetes/scale_deployment", "kubernetes/resources_scale"],
  },
  {
    query: "remember that the user prefers tea",
    expected: ["memory/create_entities", "memory/add_observations"],
  },
  { query: "what time is it in Tokyo", expected: ["time/get_current_time"] },
  {
    query: "search the web for recent news",
    expected: ["brave-search/brave_news_search", "brave-search/brave_web_search"],
  },
  {
    query: "how much is bitcoin in euro",
    expected: ["coingecko/get_simple_price"],
  },
];

/**
 * Forty more, which nothing is tuned by: words that help the first forty alone would show here.
 * Written after the definitions and before the index.
 */
export const controlQueries: readonly SearchQuery[] = [
  { query: "merge the open PR", expected: ["github/merge_pull_request"] },
  {
    query: "see which jobs failed in CI",
    expected: [
      "github/get_job_logs",
      "github/list_workflow_runs",
      "gitlab/list_pipelines",
      "gitlab/get_pipeline_job_output",
    ],
  },
  { query: "make a copy of a repository in my account", expected: ["github/fork_repository"] },
  { query: "history of commits", expected: ["git/git_log", "github/list_commits"] },
  { query: "stop a running build pipeline", expected: ["gitlab/cancel_pipeline"] },
  { query: "approve a pull request", expected: ["github/create_pull_request_review"] },
  { query: "reply in a Slack thread", expected: ["slack/slack_reply_to_thread"] },
  { query: "list everyone in the Slack workspace", expected: ["slack/slack_get_users"] },
  { query: "delete a folder in Drive", expected: ["google-drive/delete_item"] },
  { query: "upload a document to Slack", expected: ["slack/slack_upload_file"] },
  { query: "cancel tomorrow's appointment", expected: ["google-calendar/delete_event"] },
  {
    query: "what meetings do I have today",
    expected: ["google-calendar/list_events", "google-calendar/search_events"],
  },
  { query: "decline an invitation", expected: ["google-calendar/respond_to_event"] },
  { query: "write a draft reply to a mail", expected: ["gmail/draft_email"] },
  { query: "save the attachment of an email", expected: ["gmail/download_attachment"] },
  {
    query: "label messages automatically",
    expected: ["gmail/create_filter", "gmail/modify_email", "gmail/batch_modify_emails"],
  },
  { query: "add text to the end of a Notion page", expected: ["notion/append_block_children"] },
  { query: "filter rows of a Notion database", expected: ["notion/query_database"] },
  { query: "log two hours of work on a ticket", expected: ["atlassian/jira_add_worklog"] },
  { query: "issues in the current sprint", expected: ["atlassian/jira_get_sprint_issues"] },
  { query: "edit a wiki article in Confluence", expected: ["atlassian/confluence_update_page"] },
  {
    query: "open tickets assigned to me",
    expected: ["linear/list_my_issues", "atlassian/jira_search"],
  },
  {
    query: "fix suggestion for a production error",
    expected: ["sentry/analyze_issue_with_seer"],
  },
  { query: "end a customer's subscription", expected: ["stripe/cancel_subscription"] },
  { query: "discount code for customers", expected: ["stripe/create_coupon"] },
  { query: "how much money is in the account", expected: ["stripe/retrieve_balance"] },
  { query: "run a shell command inside a container", expected: ["kubernetes/pods_exec"] },
  { query: "CPU and memory usage of pods", expected: ["kubernetes/pods_top"] },
  { query: "slow queries in postgres", expected: ["postgres/get_top_queries"] },
  {
    query: "tables in the database",
    expected: ["postgres/list_objects", "postgres/list_schemas"],
  },
  {
    query: "type into the search field on the website",
    expected: ["playwright/browser_type", "playwright/browser_fill_form"],
  },
  { query: "go to a web address", expected: ["playwright/browser_navigate"] },
  {
    query: "JavaScript errors in the browser console",
    expected: ["playwright/browser_console_messages"],
  },
  {
    query: "forget what you know about a person",
    expected: ["memory/delete_entities", "memory/delete_observations"],
  },
  {
    query: "look up something in memory",
    expected: ["memory/search_nodes", "memory/open_nodes", "memory/read_graph"],
  },
  { query: "convert 3pm Berlin to New York time", expected: ["time/convert_time"] },
  { query: "restaurants nearby", expected: ["brave-search/brave_local_search"] },
  { query: "find pictures of cats", expected: ["brave-search/brave_image_search"] },
  {
    query: "popular coins right now",
    expected: ["coingecko/get_search_trending", "coingecko/get_coins_markets"],
  },
  { query: "bitcoin price last year", expected: ["coingecko/get_coins_history"] },
];
