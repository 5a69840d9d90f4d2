/** Definitions of tools for tickets, plans and errors. See well_known.ts. */
import type { ServerRows } from "./well_known.ts";

/** The servers. */
export const trackingServers: ServerRows = {
  atlassian: [
    [
      "jira_get_issue",
      "Get details of a specific Jira issue including its Epic links and relationship information",
      "issue_key: Jira issue key (e.g., 'PROJ-123'); fields?: Fields to return; expand?: Fields to expand; comment_limit?#: Maximum number of comments to include",
    ],
    [
      "jira_search",
      "Search Jira issues using JQL (Jira Query Language)",
      "jql: JQL query string; fields?: Comma-separated fields to return; limit?#: Maximum number of results (1-50)",
    ],
    [
      "jira_create_issue",
      "Create a new Jira issue with optional Epic link or parent for subtasks",
      "project_key: The JIRA project key (e.g. 'PROJ'); summary: Summary/title of the issue; issue_type: Issue type (e.g. 'Task', 'Bug', 'Story', 'Epic', 'Subtask'); assignee?: Assignee's user identifier; description?: Issue description; components?: Component names; additional_fields?: Dictionary of additional fields to set",
    ],
    [
      "jira_batch_create_issues",
      "Create multiple Jira issues in a batch",
      "issues: JSON array of issue objects; validate_only?!: If true, only validates the issues without creating them",
    ],
    [
      "jira_update_issue",
      "Update an existing Jira issue including changing status, adding Epic links, updating fields, etc.",
      "issue_key: Jira issue key; fields: Dictionary of fields to update; additional_fields?: Dictionary of additional fields; attachments?: File paths to attach",
    ],
    ["jira_delete_issue", "Delete an existing Jira issue", "issue_key: Jira issue key"],
    [
      "jira_add_comment",
      "Add a comment to a Jira issue",
      "issue_key: Jira issue key; comment: Comment text in Markdown format",
    ],
    [
      "jira_get_transitions",
      "Get available status transitions for a Jira issue",
      "issue_key: Jira issue key",
    ],
    [
      "jira_transition_issue",
      "Transition a Jira issue to a new status",
      "issue_key: Jira issue key; transition_id: ID of the transition to perform; fields?: Fields to update during the transition; comment?: Comment to add during the transition",
    ],
    ["jira_get_worklog", "Get worklog entries for a Jira issue", "issue_key: Jira issue key"],
    [
      "jira_add_worklog",
      "Add a worklog entry to a Jira issue",
      "issue_key: Jira issue key; time_spent: Time spent in Jira format such as '1h 30m'; comment?: Comment for the worklog; started?: Start time in ISO format",
    ],
    [
      "jira_get_project_issues",
      "Get all issues for a specific Jira project",
      "project_key: The project key; limit?#: Maximum number of results; start_at?#: Starting index for pagination",
    ],
    [
      "jira_get_all_projects",
      "Get all Jira projects accessible to the current user",
      "include_archived?!: Whether to include archived projects in the results",
    ],
    [
      "jira_get_agile_boards",
      "Get jira agile boards by name, project key, or type",
      "board_name?: The name of board; project_key?: Jira project key; board_type?: The type of jira board (scrum or kanban)",
    ],
    [
      "jira_get_board_issues",
      "Get all issues linked to a specific board filtered by JQL",
      "board_id: The id of the board; jql: JQL query string",
    ],
    [
      "jira_get_sprints_from_board",
      "Get jira sprints from board by state",
      "board_id: The id of board; state?: Sprint state (active, future or closed)",
    ],
    [
      "jira_get_sprint_issues",
      "Get jira issues from sprint",
      "sprint_id: The id of sprint; fields?: Fields to return",
    ],
    [
      "jira_create_sprint",
      "Create Jira sprint for a board",
      "board_id: The id of board; sprint_name: Name of the sprint; start_date: Start time for sprint; end_date: End time for sprint; goal?: Goal of the sprint",
    ],
    [
      "jira_link_to_epic",
      "Link an existing issue to an epic",
      "issue_key: The key of the issue to link; epic_key: The key of the epic to link to",
    ],
    [
      "jira_create_issue_link",
      "Create a link between two Jira issues",
      "link_type: The type of link to create (e.g., 'Blocks', 'Duplicate'); inward_issue_key: The key of the inward issue; outward_issue_key: The key of the outward issue",
    ],
    [
      "jira_search_fields",
      "Search Jira fields by keyword with fuzzy match",
      "keyword?: Keyword for fuzzy search; limit?#: Maximum number of results",
    ],
    [
      "jira_get_user_profile",
      "Retrieve profile information for a specific Jira user",
      "user_identifier: Identifier for the user (e.g., email address, username, account ID)",
    ],
    [
      "jira_download_attachments",
      "Download attachments from a Jira issue",
      "issue_key: Jira issue key; target_dir: Directory where attachments should be saved",
    ],
    [
      "confluence_search",
      "Search Confluence content using simple terms or CQL",
      "query: Search query - either simple text or a CQL query string; limit?#: Maximum number of results; spaces_filter?: Comma-separated list of space keys to filter results by",
    ],
    [
      "confluence_get_page",
      "Get content of a specific Confluence page by its ID, or by its title and space key",
      "page_id?: Confluence page ID; title?: The exact title of the Confluence page; space_key?: The key of the space where the page resides; convert_to_markdown?!: Whether to convert page to markdown",
    ],
    [
      "confluence_get_page_children",
      "Get child pages of a specific Confluence page",
      "parent_id: The ID of the parent page; limit?#: Maximum number of child pages to return",
    ],
    [
      "confluence_create_page",
      "Create a new Confluence page",
      "space_key: The key of the space to create the page in; title: The title of the page; content: The content of the page in Markdown format; parent_id?: Parent page ID",
    ],
    [
      "confluence_update_page",
      "Update an existing Confluence page",
      "page_id: The ID of the page to update; title: The new title of the page; content: The new content of the page; is_minor_edit?!: Whether this is a minor edit",
    ],
    [
      "confluence_delete_page",
      "Delete an existing Confluence page",
      "page_id: The ID of the page to delete",
    ],
    [
      "confluence_add_comment",
      "Add a comment to a Confluence page",
      "page_id: The ID of the page to add a comment to; content: The comment content in Markdown format",
    ],
  ],
  linear: [
    [
      "list_issues",
      "List issues in the user's Linear workspace",
      "query?: An optional search query; teamId?: The team UUID; stateId?: The state UUID; assigneeId?: The assignee UUID; projectId?: The project UUID; limit?#: The number of results to return",
    ],
    [
      "list_my_issues",
      "List issues assigned to the current user",
      "limit?#: The number of results to return; orderBy?: createdAt or updatedAt",
    ],
    [
      "get_issue",
      "Retrieve a Linear issue details by ID, including attachments and git branch name",
      "id: The issue ID",
    ],
    [
      "create_issue",
      "Create a new Linear issue",
      "title: The issue title; team: The team name or ID; description?: The issue description as Markdown; priority?#: The priority of the issue; project?: The project; assignee?: The user to assign to the issue; labels?*: The label names or IDs; dueDate?: The due date",
    ],
    [
      "update_issue",
      "Update an existing Linear issue",
      "id: The issue ID; title?: The issue title; description?: The issue description as Markdown; priority?#: The priority; state?: The issue state; assignee?: The user to assign to the issue; labels?*: The label names or IDs; estimate?#: The estimate",
    ],
    [
      "list_issue_statuses",
      "List available issue statuses in a Linear team",
      "team: The team name or ID",
    ],
    [
      "get_issue_status",
      "Retrieve details of a specific issue status in Linear by name or ID",
      "id?: The UUID of the issue status; name?: The name of the issue status; teamId: The team UUID",
    ],
    [
      "list_issue_labels",
      "List available issue labels in a Linear workspace or team",
      "team?: The team name or ID",
    ],
    ["list_comments", "List comments for a specific Linear issue", "issueId: The issue ID"],
    [
      "create_comment",
      "Create a comment on a specific Linear issue",
      "issueId: The issue ID; parentId?: A parent comment ID to reply to; body: The content of the comment as Markdown",
    ],
    [
      "list_cycles",
      "Retrieve cycles for a specific Linear team",
      "teamId: The team ID; type?: Retrieve current, previous, next, or all cycles",
    ],
    [
      "list_projects",
      "List projects in the user's Linear workspace",
      "team?: The team name or ID; state?: The state name or ID; member?: The member; includeArchived?!: Whether to include archived projects",
    ],
    [
      "get_project",
      "Retrieve details of a specific project in Linear",
      "query: The ID or name of the project to retrieve",
    ],
    [
      "create_project",
      "Create a new project in Linear",
      "name: A descriptive name of the project; summary?: A concise plaintext summary of the project; description?: The full project description; team: The team; startDate?: The start date; targetDate?: The target date",
    ],
    [
      "list_documents",
      "List documents in the user's Linear workspace",
      "query?: An optional search query; projectId?: Filter by project ID",
    ],
    ["get_document", "Retrieve a Linear document by ID or slug", "id: The document ID or slug"],
    [
      "list_teams",
      "List teams in the user's Linear workspace",
      "query?: Optional query to filter teams by name; includeArchived?!: Whether to include archived teams",
    ],
    [
      "get_team",
      "Retrieve details of a specific Linear team",
      "query: The UUID, key, or name of the team to retrieve",
    ],
    ["list_users", "Retrieve users in the Linear workspace", "query?: Filter by name or email"],
    [
      "search_documentation",
      "Search Linear's documentation to learn about features and usage",
      "query: The search query; page?#: The page number",
    ],
  ],
  sentry: [
    ["whoami", "Identify the authenticated user in Sentry", ""],
    [
      "find_organizations",
      "Find organizations that the user has access to in Sentry",
      "query?: Search query to filter results by name or slug",
    ],
    [
      "find_teams",
      "Find teams in an organization in Sentry",
      "organizationSlug: The organization's slug; query?: Search query to filter teams",
    ],
    [
      "find_projects",
      "Find projects in Sentry",
      "organizationSlug: The organization's slug; query?: Search query to filter projects",
    ],
    [
      "find_releases",
      "Find releases in Sentry. Use this tool to find the most recent releases, or to determine when a release was deployed",
      "organizationSlug: The organization's slug; projectSlug?: The project's slug; query?: Search for versions which contain the provided string",
    ],
    [
      "get_issue_details",
      "Get detailed information about a specific Sentry issue by ID, including the stacktrace, tags and context of its latest event",
      "organizationSlug: The organization's slug; issueId: The Issue ID, such as PROJECT-1Z43; eventId?: The ID of the event; issueUrl?: The URL of the issue",
    ],
    [
      "get_trace_details",
      "Get detailed information about a specific Sentry trace by ID, with its spans",
      "organizationSlug: The organization's slug; traceId: The trace ID",
    ],
    [
      "search_events",
      "Search for events and perform counts and aggregations: errors, logs and spans, such as how many errors happened today",
      "organizationSlug: The organization's slug; naturalLanguageQuery: Natural language description of what you want to search for; projectSlug?: The project's slug; limit?#: Maximum number of results",
    ],
    [
      "search_issues",
      "Search for grouped issues/problems in Sentry and get a list of issues, such as unresolved errors or crashes that affect most users",
      "organizationSlug: The organization's slug; naturalLanguageQuery: Natural language description of issues to search for; limit?#: Maximum number of issues to return",
    ],
    [
      "update_issue",
      "Update an issue's status or assignment in Sentry: resolve, ignore, assign",
      "organizationSlug: The organization's slug; issueId: The Issue ID; status?: The new status; assignedTo?: The assignee",
    ],
    [
      "analyze_issue_with_seer",
      "Use Seer to analyze production errors and get detailed root cause analysis with specific code fixes",
      "organizationSlug: The organization's slug; issueId: The Issue ID; instruction?: Optional custom instruction for the AI analysis",
    ],
    [
      "create_project",
      "Create a new project in Sentry and get its DSN",
      "organizationSlug: The organization's slug; teamSlug: The team's slug; name: The name of the project; platform?: The platform for the project",
    ],
    [
      "get_event_attachment",
      "Download attachments from a Sentry event",
      "organizationSlug: The organization's slug; projectSlug: The project's slug; eventId: The ID of the event; attachmentId?: The ID of the attachment to download",
    ],
  ],
};
