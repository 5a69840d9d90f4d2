/** Definitions of tools for letters, meetings, documents and chats. See well_known.ts. */
import type { ServerRows } from "./well_known.ts";

/** The servers. */
export const officeServers: ServerRows = {
  slack: [
    [
      "slack_list_channels",
      "List public and private channels that the bot is a member of, or pre-defined channels in the workspace with pagination",
      "limit?#: Maximum number of channels to return (default 100, max 200); cursor?: Pagination cursor for next page of results",
    ],
    [
      "slack_post_message",
      "Post a new message to a Slack channel or direct message to user",
      "channel_id: The ID of the channel or user to post to; text: The message text to post",
    ],
    [
      "slack_reply_to_thread",
      "Reply to a specific message thread in Slack",
      "channel_id: The ID of the channel containing the thread; thread_ts: The timestamp of the parent message in the format '1234567890.123456'; text: The reply text",
    ],
    [
      "slack_add_reaction",
      "Add a reaction emoji to a message",
      "channel_id: The ID of the channel containing the message; timestamp: The timestamp of the message to react to; reaction: The name of the emoji reaction (without ::)",
    ],
    [
      "slack_get_channel_history",
      "Get recent messages from a channel",
      "channel_id: The ID of the channel; limit?#: Number of messages to retrieve (default 10)",
    ],
    [
      "slack_get_thread_replies",
      "Get all replies in a message thread",
      "channel_id: The ID of the channel containing the thread; thread_ts: The timestamp of the parent message",
    ],
    [
      "slack_get_users",
      "Get list of all users in the workspace with their basic profile information",
      "cursor?: Pagination cursor for next page of results; limit?#: Maximum number of users to return",
    ],
    [
      "slack_get_user_profile",
      "Get detailed profile information for a specific user",
      "user_id: The ID of the user",
    ],
    [
      "slack_search_messages",
      "Search for messages and files across the workspace",
      "query: Search query with Slack modifiers such as in:channel or from:user; sort?: Sort by score or timestamp; count?#: Number of results per page",
    ],
    [
      "slack_set_channel_topic",
      "Set the topic of a channel",
      "channel_id: The ID of the channel; topic: The new topic",
    ],
    [
      "slack_invite_to_channel",
      "Invite users to a channel",
      "channel_id: The ID of the channel; users*: The IDs of the users to invite",
    ],
    [
      "slack_upload_file",
      "Upload a file and share it in a channel",
      "channel_id: The ID of the channel; filename: Name of the file; content: Content of the file; initial_comment?: The message text introducing the file",
    ],
  ],
  "google-drive": [
    [
      "search_files",
      "Search for files in Google Drive by name, content or MIME type",
      "query: Search query; pageSize?#: Number of results per page (max 100); pageToken?: Token for the next page of results",
    ],
    [
      "read_file",
      "Read contents of a file from Google Drive. Google Docs are exported as Markdown, Sheets as CSV",
      "fileId: ID of the file to read",
    ],
    [
      "list_folder",
      "List files in a Google Drive folder",
      "folderId?: ID of the folder (default: root); pageSize?#: Items to return; pageToken?: Token for next page",
    ],
    [
      "create_text_file",
      "Create a text or markdown file in Google Drive",
      "name: File name (.txt or .md); content: File content; parentFolderId?: Parent folder ID",
    ],
    [
      "create_folder",
      "Create a new folder in Google Drive",
      "name: Folder name; parent?: Parent folder ID or path",
    ],
    [
      "create_doc",
      "Create a Google Doc",
      "name: Doc name; content: Doc content; parentFolderId?: Parent folder ID",
    ],
    [
      "create_sheet",
      "Create a new Google Sheet",
      "name: Sheet name; data*: Rows of cell values; parentFolderId?: Parent folder ID",
    ],
    [
      "update_sheet",
      "Update cells in a Google Sheet",
      "spreadsheetId: Sheet ID; range: Range to update such as Sheet1!A1:C10; data*: Rows of cell values",
    ],
    [
      "move_item",
      "Move a file or folder to another folder",
      "itemId: Item ID to move; destinationFolderId?: Destination folder ID",
    ],
    ["delete_item", "Delete a file or folder (move to trash)", "itemId: Item ID to delete"],
    [
      "share_file",
      "Share a file or folder with a user, group, domain or anyone",
      "fileId: ID of the file or folder; emailAddress?: Email address of the user or group; role: Role to grant: reader, commenter, writer; type: user, group, domain or anyone; sendNotificationEmail?!: Whether to send a notification email",
    ],
  ],
  "google-calendar": [
    ["list_calendars", "List all available calendars", ""],
    [
      "list_events",
      "List events from one or more calendars",
      "calendarId: ID of the calendar(s) to list events from (use 'primary' for the main calendar); timeMin?: Start time boundary (ISO 8601); timeMax?: End time boundary; timeZone?: Timezone as IANA name",
    ],
    [
      "search_events",
      "Search for events in a calendar by text query",
      "calendarId: ID of the calendar; query: Free text search query (searches summary, description, location, attendees); timeMin: Start time boundary; timeMax: End time boundary",
    ],
    [
      "get_event",
      "Get details of a specific event by ID",
      "calendarId: ID of the calendar; eventId: ID of the event to retrieve",
    ],
    [
      "create_event",
      "Create a new calendar event",
      "calendarId: ID of the calendar; summary: Title of the event; description?: Description/notes for the event; start: Event start time; end: Event end time; location?: Location of the event; attendees?*: List of attendee email addresses; recurrence?*: Recurrence rules in RFC5545 format; reminders?: Reminder settings",
    ],
    [
      "update_event",
      "Update an existing calendar event with recurring event modification scope support",
      "calendarId: ID of the calendar; eventId: ID of the event to update; summary?: Updated title; start?: Updated start time; end?: Updated end time; attendees?*: Updated attendee list; sendUpdates?: Whether to send update notifications",
    ],
    [
      "delete_event",
      "Delete a calendar event",
      "calendarId: ID of the calendar; eventId: ID of the event to delete; sendUpdates?: Whether to send cancellation notifications",
    ],
    [
      "respond_to_event",
      "Respond to a calendar event invitation with accept, decline or maybe",
      "calendarId: ID of the calendar; eventId: ID of the event; response: accepted, declined or tentative; comment?: Optional message to the organizer",
    ],
    [
      "get_freebusy",
      "Query free/busy information for calendars. Time range is limited to a maximum of 3 months between timeMin and timeMax",
      "calendars*: List of calendars and/or groups to query for free/busy information; timeMin: Start time boundary; timeMax: End time boundary; timeZone?: Timezone for the query",
    ],
    ["list_colors", "List available color IDs and their meanings for calendar events", ""],
    [
      "get_current_time",
      "Get current system time and timezone information",
      "timeZone?: Optional IANA timezone",
    ],
  ],
  gmail: [
    [
      "send_email",
      "Sends a new email",
      "to*: List of recipient email addresses; subject: Email subject; body: Email body content; htmlBody?: HTML version of the email body; cc?*: List of CC recipients; bcc?*: List of BCC recipients; attachments?*: List of file paths to attach; threadId?: Thread ID to reply to; inReplyTo?: Message ID being replied to",
    ],
    [
      "draft_email",
      "Draft a new email",
      "to*: List of recipient email addresses; subject: Email subject; body: Email body content; cc?*: List of CC recipients; attachments?*: List of file paths to attach",
    ],
    [
      "read_email",
      "Retrieves the content of a specific email",
      "messageId: ID of the email message to retrieve",
    ],
    [
      "search_emails",
      "Searches for emails using Gmail search syntax",
      "query: Gmail search query (e.g., 'from:example@gmail.com'); maxResults?#: Maximum number of results to return",
    ],
    [
      "modify_email",
      "Modifies email labels (move to different folders)",
      "messageId: ID of the email message to modify; addLabelIds?*: List of label IDs to add; removeLabelIds?*: List of label IDs to remove",
    ],
    [
      "delete_email",
      "Permanently deletes an email",
      "messageId: ID of the email message to delete",
    ],
    ["list_email_labels", "Retrieves all available Gmail labels", ""],
    [
      "batch_modify_emails",
      "Modifies labels for multiple emails in batches",
      "messageIds*: List of message IDs to modify; addLabelIds?*: List of label IDs to add to all messages; removeLabelIds?*: List of label IDs to remove; batchSize?#: Number of messages in each batch",
    ],
    [
      "batch_delete_emails",
      "Permanently deletes multiple emails in batches",
      "messageIds*: List of message IDs to delete; batchSize?#: Number of messages in each batch",
    ],
    [
      "create_label",
      "Creates a new Gmail label",
      "name: Name for the new label; messageListVisibility?: Whether to show or hide the label in the message list; labelListVisibility?: Visibility in the label list",
    ],
    [
      "update_label",
      "Updates an existing Gmail label",
      "id: ID of the label to update; name?: New name for the label",
    ],
    ["delete_label", "Deletes a Gmail label", "id: ID of the label to delete"],
    [
      "create_filter",
      "Creates a new Gmail filter with custom criteria and actions",
      "criteria: Criteria for matching emails (from, to, subject, query, hasAttachment); action: Actions to perform on matching emails (addLabelIds, removeLabelIds, forward)",
    ],
    ["list_filters", "Retrieves all Gmail filters", ""],
    ["delete_filter", "Deletes a Gmail filter", "filterId: ID of the filter to be deleted"],
    [
      "download_attachment",
      "Downloads an email attachment to a specified location",
      "messageId: ID of the email message containing the attachment; attachmentId: ID of the attachment; filename?: Filename to save the attachment as; savePath?: Directory path to save the attachment",
    ],
    [
      "get_thread",
      "Retrieves a conversation thread with all of its messages",
      "threadId: ID of the thread; format?: full, metadata or minimal",
    ],
  ],
  notion: [
    [
      "search",
      "Search pages and databases by title in the workspace",
      "query: The text to compare page and database titles against; filter?: Limits results to pages or databases; sort?: Sort by last edited time; page_size?#: Number of results",
    ],
    [
      "get_page",
      "Retrieve the properties of a page",
      "page_id: Identifier for a Notion page; filter_properties?*: Property IDs to include",
    ],
    [
      "create_page",
      "Create a page as a child of another page or of a database",
      "parent: The parent page or database; properties: The values of the page's properties; children?*: The content to be rendered on the new page, as blocks; icon?: The icon of the new page; cover?: The cover image",
    ],
    [
      "update_page",
      "Update the properties, icon or cover of a page",
      "page_id: Identifier for a Notion page; properties?: The property values to update; archived?!: Whether the page is archived",
    ],
    ["archive_page", "Move a page to the trash", "page_id: Identifier for a Notion page"],
    [
      "get_page_property",
      "Retrieve a property item of a page",
      "page_id: Identifier for a Notion page; property_id: Identifier for a page property",
    ],
    ["get_block", "Retrieve a block", "block_id: Identifier for a Notion block"],
    [
      "get_block_children",
      "Retrieve the child blocks of a block, which is the content of a page",
      "block_id: Identifier for a block or page; start_cursor?: Cursor; page_size?#: Number of results",
    ],
    [
      "append_block_children",
      "Append new children blocks to a block or page",
      "block_id: Identifier for a block or page; children*: Child content to append; after?: The ID of the existing block that the new block should be appended after",
    ],
    [
      "update_block",
      "Update the content of a block",
      "block_id: Identifier for a Notion block; type: The block type with its new content; archived?!: Whether the block is archived",
    ],
    [
      "delete_block",
      "Delete a block by moving it to the trash",
      "block_id: Identifier for a Notion block",
    ],
    [
      "query_database",
      "Query a database with filters and sorts and get the pages it contains",
      "database_id: Identifier for a Notion database; filter?: Conditions that pages must fulfil; sorts?*: Sort order; page_size?#: Number of results",
    ],
    [
      "get_database",
      "Retrieve the schema of a database",
      "database_id: Identifier for a Notion database",
    ],
    [
      "create_database",
      "Create a database as a subpage of a page",
      "parent: The parent page; title: Title of the database; properties: Property schema of the database",
    ],
    [
      "list_users",
      "List all users of the workspace",
      "start_cursor?: Cursor; page_size?#: Number of results",
    ],
    [
      "list_comments",
      "Retrieve unresolved comments from a page or block",
      "block_id: Identifier for a block or page",
    ],
    [
      "create_comment",
      "Create a comment on a page or in a discussion",
      "parent: The page; discussion_id?: The discussion to reply to; rich_text: The text of the comment",
    ],
  ],
};
