/** Definitions of tools that work on code: GitHub, GitLab, git, files. See well_known.ts. */
import type { ServerRows } from "./well_known.ts";

/** The servers. */
export const codeServers: ServerRows = {
  github: [
    [
      "create_or_update_file",
      "Create or update a single file in a GitHub repository",
      "owner: Repository owner (username or organization); repo: Repository name; path: Path where to create/update the file; content: Content of the file; message: Commit message; branch: Branch to create/update the file in; sha?: SHA of the file being replaced",
    ],
    [
      "search_repositories",
      "Search for GitHub repositories",
      "query: Search query (see GitHub search syntax); page?#: Page number for pagination; perPage?#: Number of results per page",
    ],
    [
      "create_repository",
      "Create a new GitHub repository in your account",
      "name: Repository name; description?: Repository description; private?!: Whether the repository should be private; autoInit?!: Initialize with README.md",
    ],
    [
      "get_file_contents",
      "Get the contents of a file or directory from a GitHub repository",
      "owner: Repository owner; repo: Repository name; path: Path to the file or directory; branch?: Branch to get contents from",
    ],
    [
      "push_files",
      "Push multiple files to a GitHub repository in a single commit",
      "owner: Repository owner; repo: Repository name; branch: Branch to push to (e.g., 'main'); files*: Array of files to push; message: Commit message",
    ],
    [
      "create_issue",
      "Create a new issue in a GitHub repository",
      "owner: Repository owner; repo: Repository name; title: Issue title; body?: Issue body content; assignees?*: Usernames to assign; labels?*: Labels to apply; milestone?#: Milestone number",
    ],
    [
      "create_pull_request",
      "Create a new pull request in a GitHub repository",
      "owner: Repository owner; repo: Repository name; title: Pull request title; body?: Pull request description; head: The name of the branch where your changes are implemented; base: The name of the branch you want the changes pulled into; draft?!: Whether to create it as a draft; maintainer_can_modify?!: Whether maintainers can modify it",
    ],
    [
      "fork_repository",
      "Fork a GitHub repository to your account or specified organization",
      "owner: Repository owner; repo: Repository name; organization?: Organization to fork to",
    ],
    [
      "create_branch",
      "Create a new branch in a GitHub repository",
      "owner: Repository owner; repo: Repository name; branch: Name for the new branch; from_branch?: Source branch to create from",
    ],
    [
      "list_branches",
      "List branches in a GitHub repository",
      "owner: Repository owner; repo: Repository name; page?#: Page number for pagination",
    ],
    [
      "list_commits",
      "Get list of commits of a branch in a GitHub repository",
      "owner: Repository owner; repo: Repository name; sha?: Commit SHA, branch or tag name to list commits of; author?: Author username or email address; page?#: Page number",
    ],
    [
      "get_commit",
      "Get details for a commit from a GitHub repository",
      "owner: Repository owner; repo: Repository name; sha: Commit SHA, branch name, or tag name",
    ],
    [
      "list_issues",
      "List issues in a GitHub repository with filtering options",
      "owner: Repository owner; repo: Repository name; state?: Filter by state: open, closed, all; labels?*: Filter by labels; sort?: Sort by created, updated, comments; since?: Filter by date (ISO 8601 timestamp)",
    ],
    [
      "update_issue",
      "Update an existing issue in a GitHub repository",
      "owner: Repository owner; repo: Repository name; issue_number#: Issue number to update; title?: New title; body?: New description; state?: New state; labels?*: New labels; assignees?*: New assignees",
    ],
    [
      "add_issue_comment",
      "Add a comment to a specific issue in a GitHub repository",
      "owner: Repository owner; repo: Repository name; issue_number#: Issue number to comment on; body: Comment content",
    ],
    [
      "get_issue",
      "Get details of a specific issue in a GitHub repository",
      "owner: Repository owner; repo: Repository name; issue_number#: The number of the issue",
    ],
    [
      "search_code",
      "Fast and precise code search across ALL GitHub repositories using GitHub's native search engine. Best for finding exact symbols, functions, classes, or specific code patterns",
      "query: Search query using GitHub code search syntax; sort?: Sort field ('indexed' only); order?: Sort order for results; page?#: Page number",
    ],
    [
      "search_issues",
      "Search for issues and pull requests across GitHub repositories",
      "query: Search query using GitHub issues search syntax; owner?: Optional repository owner; repo?: Optional repository name; sort?: Sort field by number of matches",
    ],
    [
      "search_users",
      "Search for users on GitHub",
      "query: Search query using GitHub users search syntax; sort?: Sort by followers, repositories, joined",
    ],
    [
      "get_pull_request",
      "Get details of a specific pull request in a GitHub repository",
      "owner: Repository owner; repo: Repository name; pullNumber#: Pull request number",
    ],
    [
      "list_pull_requests",
      "List pull requests in a GitHub repository",
      "owner: Repository owner; repo: Repository name; state?: Filter by state; head?: Filter by head user/org and branch; base?: Filter by base branch",
    ],
    [
      "merge_pull_request",
      "Merge a pull request in a GitHub repository",
      "owner: Repository owner; repo: Repository name; pullNumber#: Pull request number; commit_title?: Title for merge commit; merge_method?: Merge method: merge, squash, rebase",
    ],
    [
      "get_pull_request_files",
      "Get the files changed in a specific pull request",
      "owner: Repository owner; repo: Repository name; pullNumber#: Pull request number",
    ],
    [
      "get_pull_request_status",
      "Get the status of all checks of a specific pull request",
      "owner: Repository owner; repo: Repository name; pullNumber#: Pull request number",
    ],
    [
      "update_pull_request_branch",
      "Update the branch of a pull request with the latest changes from the base branch",
      "owner: Repository owner; repo: Repository name; pullNumber#: Pull request number; expectedHeadSha?: The expected SHA of the pull request's HEAD ref",
    ],
    [
      "create_pull_request_review",
      "Create a review on a pull request",
      "owner: Repository owner; repo: Repository name; pullNumber#: Pull request number; body: Review comment text; event: Review action to perform: APPROVE, REQUEST_CHANGES, COMMENT; comments?*: Line-specific comments",
    ],
    [
      "list_workflow_runs",
      "List workflow runs of a GitHub Actions workflow",
      "owner: Repository owner; repo: Repository name; workflow_id: The workflow ID or file name; status?: Returns runs with this check status",
    ],
    [
      "get_job_logs",
      "Download logs for a specific workflow job or all failed jobs of a GitHub Actions run",
      "owner: Repository owner; repo: Repository name; job_id?#: The unique identifier of the workflow job; run_id?#: Workflow run ID; failed_only?!: Only failed jobs",
    ],
  ],
  gitlab: [
    [
      "create_or_update_file",
      "Create or update a single file in a GitLab project",
      "project_id: Project ID or URL-encoded path; file_path: Path where to create/update the file; content: Content of the file; commit_message: Commit message; branch: Branch to create/update the file in",
    ],
    [
      "search_projects",
      "Search for GitLab projects",
      "search: Search query; page?#: Page number for pagination; per_page?#: Number of results per page",
    ],
    [
      "create_project",
      "Create a new GitLab project",
      "name: Project name; description?: Project description; visibility?: Project visibility level; initialize_with_readme?!: Initialize with README.md",
    ],
    [
      "get_file_contents",
      "Get the contents of a file or directory from a GitLab project",
      "project_id: Project ID or URL-encoded path; file_path: Path to the file or directory; ref?: Branch/tag/commit to get contents from",
    ],
    [
      "create_issue",
      "Create a new issue in a GitLab project",
      "project_id: Project ID or URL-encoded path; title: Issue title; description?: Issue description; assignee_ids?*: Array of user IDs to assign; labels?*: Array of label names; milestone_id?#: Milestone ID to assign",
    ],
    [
      "list_issues",
      "List issues in a GitLab project with filtering options",
      "project_id: Project ID or URL-encoded path; state?: Return issues with a specific state; labels?*: Label names; assignee_username?: Return issues assigned to the given username",
    ],
    [
      "update_issue",
      "Update an issue in a GitLab project",
      "project_id: Project ID or URL-encoded path; issue_iid#: The internal ID of the project issue; title?: The title of the issue; description?: The description; state_event?: Update issue state (close/reopen)",
    ],
    [
      "create_merge_request",
      "Create a new merge request in a GitLab project",
      "project_id: Project ID or URL-encoded path; title: Merge request title; description?: Merge request description; source_branch: Branch containing changes; target_branch: Branch to merge into; draft?!: Create as draft merge request",
    ],
    [
      "get_merge_request",
      "Get details of a merge request",
      "project_id: Project ID or URL-encoded path; merge_request_iid#: The IID of a merge request; source_branch?: Source branch name",
    ],
    [
      "list_merge_requests",
      "List merge requests in a GitLab project with filtering options",
      "project_id: Project ID or URL-encoded path; state?: Return merge requests with a specific state; author_username?: Author; target_branch?: Target branch",
    ],
    [
      "get_merge_request_diffs",
      "Get the changes/diffs of a merge request",
      "project_id: Project ID or URL-encoded path; merge_request_iid#: The IID of a merge request; view?: Diff view type",
    ],
    [
      "merge_merge_request",
      "Merge a merge request in a GitLab project",
      "project_id: Project ID or URL-encoded path; merge_request_iid#: The IID of a merge request; squash?!: Squash commits into one; should_remove_source_branch?!: Remove the source branch after merge",
    ],
    [
      "create_merge_request_note",
      "Add a new note to an existing merge request thread",
      "project_id: Project ID or URL-encoded path; merge_request_iid#: The IID of a merge request; body: The content of the note or reply",
    ],
    [
      "list_pipelines",
      "List pipelines in a GitLab project with filtering options",
      "project_id: Project ID or URL-encoded path; status?: The status of pipelines; ref?: The ref of pipelines",
    ],
    [
      "get_pipeline",
      "Get details of a specific pipeline in a GitLab project",
      "project_id: Project ID or URL-encoded path; pipeline_id#: The ID of the pipeline",
    ],
    [
      "create_pipeline",
      "Create a new pipeline for a branch or tag",
      "project_id: Project ID or URL-encoded path; ref: The branch or tag to run the pipeline on; variables?*: Variables to use",
    ],
    [
      "retry_pipeline",
      "Retry a failed or canceled pipeline",
      "project_id: Project ID or URL-encoded path; pipeline_id#: The ID of the pipeline to retry",
    ],
    [
      "cancel_pipeline",
      "Cancel a running pipeline",
      "project_id: Project ID or URL-encoded path; pipeline_id#: The ID of the pipeline to cancel",
    ],
    [
      "get_pipeline_job_output",
      "Get the output/trace of a GitLab pipeline job",
      "project_id: Project ID or URL-encoded path; job_id#: The ID of the job; limit?#: Maximum number of lines to return from the end of the log",
    ],
    [
      "create_branch",
      "Create a new branch in a GitLab project",
      "project_id: Project ID or URL-encoded path; branch: Name for the new branch; ref?: Source branch/commit for new branch",
    ],
  ],
  filesystem: [
    [
      "read_file",
      "Read the complete contents of a file as text. DEPRECATED: Use read_text_file instead.",
      "path: Path of the file; tail?#: If provided, returns only the last N lines of the file; head?#: If provided, returns only the first N lines of the file",
    ],
    [
      "read_text_file",
      "Read the complete contents of a file from the file system as text. Handles various text encodings and provides detailed error messages if the file cannot be read. Use this tool when you need to examine the contents of a single file. Only works within allowed directories.",
      "path: Path of the file; tail?#: Only the last N lines; head?#: Only the first N lines",
    ],
    [
      "read_media_file",
      "Read an image or audio file. Returns the base64 encoded data and MIME type. Only works within allowed directories.",
      "path: Path of the file",
    ],
    [
      "read_multiple_files",
      "Read the contents of multiple files simultaneously. This is more efficient than reading files one by one when you need to analyze or compare multiple files. Only works within allowed directories.",
      "paths*: Array of file paths to read",
    ],
    [
      "write_file",
      "Create a new file or completely overwrite an existing file with new content. Use with caution as it will overwrite existing files without warning. Only works within allowed directories.",
      "path: Path of the file; content: The text to write",
    ],
    [
      "edit_file",
      "Make line-based edits to a text file. Each edit replaces exact line sequences with new content. Returns a git-style diff showing the changes made. Only works within allowed directories.",
      "path: Path of the file; edits*: Text to search for and text to replace it with; dryRun?!: Preview changes using git-style diff format",
    ],
    [
      "create_directory",
      "Create a new directory or ensure a directory exists. Can create multiple nested directories in one operation. Perfect for setting up directory structures for projects. Only works within allowed directories.",
      "path: Path of the directory",
    ],
    [
      "list_directory",
      "Get a detailed listing of all files and directories in a specified path. Results clearly distinguish between files and directories with [FILE] and [DIR] prefixes. This tool is essential for understanding directory structure and finding specific files within a directory. Only works within allowed directories.",
      "path: Path of the directory",
    ],
    [
      "list_directory_with_sizes",
      "Get a detailed listing of all files and directories in a specified path, including sizes. Only works within allowed directories.",
      "path: Path of the directory; sortBy?: Sort entries by name or size",
    ],
    [
      "directory_tree",
      "Get a recursive tree view of files and directories as a JSON structure. Each entry includes name, type (file/directory), and children for directories. Only works within allowed directories.",
      "path: Path of the directory; excludePatterns?*: Glob patterns to leave out",
    ],
    [
      "move_file",
      "Move or rename files and directories. Can move files between directories and rename them in a single operation. If the destination exists, the operation will fail. Both source and destination must be within allowed directories.",
      "source: Path to move; destination: Where to move it",
    ],
    [
      "search_files",
      "Recursively search for files and directories matching a pattern. Returns full paths to all matching items. Great for finding files when you don't know their exact location. Only searches within allowed directories.",
      "path: Where to begin; pattern: Glob pattern; excludePatterns?*: Glob patterns to leave out",
    ],
    [
      "get_file_info",
      "Retrieve detailed metadata about a file or directory. Returns size, creation time, last modified time, permissions, and type. Only works within allowed directories.",
      "path: Path of the file",
    ],
    [
      "list_allowed_directories",
      "Returns the list of directories that this server is allowed to access.",
      "",
    ],
  ],
  git: [
    ["git_status", "Shows the working tree status", "repo_path: Path to the Git repository"],
    [
      "git_diff_unstaged",
      "Shows changes in the working directory that are not yet staged",
      "repo_path: Path to the Git repository; context_lines?#: Number of context lines to show",
    ],
    [
      "git_diff_staged",
      "Shows changes that are staged for commit",
      "repo_path: Path to the Git repository; context_lines?#: Number of context lines to show",
    ],
    [
      "git_diff",
      "Shows differences between branches or commits",
      "repo_path: Path to the Git repository; target: Target branch or commit to compare with; context_lines?#: Number of context lines to show",
    ],
    [
      "git_commit",
      "Records changes to the repository",
      "repo_path: Path to the Git repository; message: Commit message",
    ],
    [
      "git_add",
      "Adds file contents to the staging area",
      "repo_path: Path to the Git repository; files*: Array of file paths to stage",
    ],
    ["git_reset", "Unstages all staged changes", "repo_path: Path to the Git repository"],
    [
      "git_log",
      "Shows the commit logs",
      "repo_path: Path to the Git repository; max_count?#: Maximum number of commits to show; start_timestamp?: Start timestamp for filtering commits; end_timestamp?: End timestamp for filtering commits",
    ],
    [
      "git_create_branch",
      "Creates a new branch from an optional base branch",
      "repo_path: Path to the Git repository; branch_name: Name of the new branch; base_branch?: Starting point for the new branch",
    ],
    [
      "git_checkout",
      "Switches branches",
      "repo_path: Path to the Git repository; branch_name: Name of branch to checkout",
    ],
    [
      "git_show",
      "Shows the contents of a commit",
      "repo_path: Path to the Git repository; revision: The revision (commit hash, branch name, tag) to show",
    ],
    [
      "git_branch",
      "List Git branches",
      "repo_path: Path to the Git repository; branch_type: Whether to list local branches, remote branches or all branches; contains?: The commit sha that branch should contain",
    ],
    [
      "git_init",
      "Initialize a new Git repository",
      "repo_path: Path to directory to initialize git repo",
    ],
  ],
};
