/** Definitions of tools for databases, browsers, clusters and payments. See well_known.ts. */
import type { ServerRows } from "./well_known.ts";

/** The servers. */
export const systemServers: ServerRows = {
  postgres: [
    ["list_schemas", "List all schemas in the database", ""],
    [
      "list_objects",
      "List objects in a schema",
      "schema_name: Schema name; object_type?: Object type: 'table', 'view', 'sequence', or 'extension'",
    ],
    [
      "get_object_details",
      "Show detailed information about a database object, such as the columns, constraints and indexes of a table",
      "schema_name: Schema name; object_name: Object name; object_type?: Object type: 'table', 'view', 'sequence', or 'extension'",
    ],
    [
      "explain_query",
      "Explains the execution plan for a SQL query, showing how the database will execute it and provides detailed cost estimates",
      "sql: SQL query to explain; analyze?!: When true, actually runs the query to show real execution statistics; hypothetical_indexes?*: Hypothetical indexes to simulate",
    ],
    ["execute_sql", "Execute any SQL query", "sql: SQL to run"],
    [
      "analyze_workload_indexes",
      "Analyze frequently executed queries in the database and recommend optimal indexes",
      "max_index_size_mb?#: Max index size in MB; method?: Method to use for analysis",
    ],
    [
      "analyze_query_indexes",
      "Analyze a list of up to 10 SQL queries and recommend optimal indexes",
      "queries*: List of Query strings to analyze; max_index_size_mb?#: Max index size in MB",
    ],
    [
      "analyze_db_health",
      "Analyzes database health: index, connection, vacuum, sequence, replication, buffer and constraint checks",
      "health_type?: Which health checks to perform",
    ],
    [
      "get_top_queries",
      "Reports the slowest or most resource-intensive queries using data from pg_stat_statements",
      "sort_by?: Ranking criteria: total_time, mean_time or resources; limit?#: Number of queries to return",
    ],
  ],
  playwright: [
    [
      "browser_click",
      "Perform click on a web page",
      "element: Human-readable element description used to obtain permission to interact with the element; ref: Exact target element reference from the page snapshot; doubleClick?!: Whether to perform a double click; button?: Button to click",
    ],
    ["browser_close", "Close the page", ""],
    [
      "browser_console_messages",
      "Returns all console messages",
      "onlyErrors?!: Only return error messages",
    ],
    [
      "browser_drag",
      "Perform drag and drop between two elements",
      "startElement: Human-readable source element description; startRef: Exact source element reference; endElement: Human-readable target element description; endRef: Exact target element reference",
    ],
    [
      "browser_evaluate",
      "Evaluate JavaScript expression on page or element",
      "function: JavaScript function; element?: Human-readable element description; ref?: Exact target element reference",
    ],
    [
      "browser_file_upload",
      "Upload one or multiple files",
      "paths?*: The absolute paths to the files to upload",
    ],
    ["browser_fill_form", "Fill multiple form fields", "fields*: Fields to fill in"],
    [
      "browser_handle_dialog",
      "Handle a dialog",
      "accept!: Whether to accept the dialog; promptText?: The text of the prompt in case of a prompt dialog",
    ],
    [
      "browser_hover",
      "Hover over element on page",
      "element: Human-readable element description; ref: Exact target element reference",
    ],
    ["browser_navigate", "Navigate to a URL", "url: The URL to navigate to"],
    ["browser_navigate_back", "Go back to the previous page", ""],
    [
      "browser_network_requests",
      "Returns all network requests since loading the page",
      "includeStatic?!: Whether to include successful static resources",
    ],
    [
      "browser_press_key",
      "Press a key on the keyboard",
      "key: Name of the key to press or a character to generate",
    ],
    [
      "browser_resize",
      "Resize the browser window",
      "width#: Width of the browser window; height#: Height of the browser window",
    ],
    ["browser_run_code", "Run Playwright code snippet", "code: Playwright code snippet to run"],
    [
      "browser_select_option",
      "Select an option in a dropdown",
      "element: Human-readable element description; ref: Exact target element reference; values*: Array of values to select in the dropdown",
    ],
    [
      "browser_snapshot",
      "Capture accessibility snapshot of the current page, this is better than screenshot",
      "",
    ],
    [
      "browser_take_screenshot",
      "Take a screenshot of the current page. You can't perform actions based on the screenshot, use browser_snapshot for actions.",
      "type?: Image format for the screenshot; filename?: File name to save the screenshot to; fullPage?!: When true, takes a screenshot of the full scrollable page",
    ],
    [
      "browser_type",
      "Type text into editable element",
      "element: Human-readable element description; ref: Exact target element reference; text: Text to type into the element; submit?!: Whether to submit entered text (press Enter after); slowly?!: Whether to type one character at a time",
    ],
    [
      "browser_wait_for",
      "Wait for text to appear or disappear or a specified time to pass",
      "time?#: The time to wait in seconds; text?: The text to wait for; textGone?: The text to wait for to disappear",
    ],
    [
      "browser_tabs",
      "List, create, close, or select a browser tab",
      "action: Operation to perform; index?#: Tab index",
    ],
    [
      "browser_install",
      "Install the browser specified in the config. Call this if you get an error about the browser not being installed.",
      "",
    ],
  ],
  stripe: [
    [
      "create_customer",
      "Create a customer in Stripe",
      "name: The name of the customer; email?: The email of the customer",
    ],
    [
      "list_customers",
      "Fetch a list of customers from Stripe",
      "limit?#: A limit on the number of objects to be returned; email?: A case-sensitive filter on the list based on the customer's email field",
    ],
    [
      "create_product",
      "Create a product in Stripe",
      "name: The name of the product; description?: The description of the product",
    ],
    [
      "list_products",
      "Fetch a list of products from Stripe",
      "limit?#: A limit on the number of objects to be returned",
    ],
    [
      "create_price",
      "Create a price in Stripe. If a product has not already been specified, a product should be created first",
      "product: The ID of the product to create the price for; unit_amount#: The unit amount of the price in cents; currency: The currency of the price",
    ],
    [
      "list_prices",
      "Fetch a list of prices from Stripe",
      "product?: The ID of the product to list prices for; limit?#: A limit on the number of objects to be returned",
    ],
    [
      "create_payment_link",
      "Create a payment link in Stripe",
      "price: The ID of the price to create the payment link for; quantity#: The quantity of the product to include; redirect_url?: The URL to redirect to after the payment is completed",
    ],
    [
      "create_invoice",
      "Create an invoice in Stripe",
      "customer: The ID of the customer to create the invoice for; days_until_due?#: The number of days until the invoice is due",
    ],
    [
      "create_invoice_item",
      "Create an invoice item in Stripe",
      "customer: The ID of the customer to create the invoice item for; price: The ID of the price for the item; invoice: The ID of the invoice to create the item for",
    ],
    [
      "finalize_invoice",
      "Finalize an invoice in Stripe",
      "invoice: The ID of the invoice to finalize",
    ],
    [
      "list_invoices",
      "Fetch a list of invoices from Stripe",
      "customer?: The ID of the customer to list invoices for; limit?#: A limit on the number of objects to be returned",
    ],
    ["retrieve_balance", "Retrieve the balance from Stripe. It takes no input", ""],
    [
      "create_refund",
      "Refund a payment intent in Stripe",
      "payment_intent: The ID of the PaymentIntent to refund; amount?#: The amount to refund in cents; reason?: The reason for the refund",
    ],
    [
      "list_payment_intents",
      "Fetch a list of payment intents from Stripe",
      "customer?: The ID of the customer to list payment intents for; limit?#: A limit on the number of objects to be returned",
    ],
    [
      "list_subscriptions",
      "Fetch a list of subscriptions from Stripe",
      "customer?: The ID of the customer to list subscriptions for; price?: The ID of the price; status?: The status of the subscriptions to list; limit?#: A limit on the number of objects to be returned",
    ],
    [
      "cancel_subscription",
      "Cancel a subscription in Stripe",
      "subscription: The ID of the subscription to cancel",
    ],
    [
      "update_subscription",
      "Update an existing subscription in Stripe",
      "subscription: The ID of the subscription to update; proration_behavior?: How to handle prorations when the subscription items change; items?*: A list of subscription items to update, add, or remove",
    ],
    [
      "create_coupon",
      "Create a coupon in Stripe",
      "name: Name of the coupon displayed to customers on invoices or receipts; percent_off?#: The percentage discount; amount_off?#: The amount to subtract from an invoice total; duration?: How long the discount will be in effect",
    ],
    [
      "list_coupons",
      "Fetch a list of coupons from Stripe",
      "limit?#: A limit on the number of objects to be returned",
    ],
    [
      "list_disputes",
      "Fetch a list of disputes in Stripe",
      "charge?: Only return disputes associated to the charge specified by this charge ID; payment_intent?: Only return disputes associated to this PaymentIntent",
    ],
    [
      "update_dispute",
      "Submit evidence for a dispute in Stripe",
      "dispute: The ID of the dispute to update; evidence?: Evidence to upload for the dispute; submit?!: Whether to submit the evidence immediately",
    ],
    [
      "search_stripe_documentation",
      "Search the Stripe documentation for the given question and language",
      "question: The user question to search an answer for; language?: The programming language to search for",
    ],
  ],
  kubernetes: [
    [
      "configuration_view",
      "Get the current Kubernetes configuration content as a kubeconfig YAML",
      "minified?!: Return a minified version of the configuration",
    ],
    [
      "events_list",
      "List all the Kubernetes events in the current cluster from all namespaces",
      "namespace?: Optional Namespace to retrieve the events from",
    ],
    ["namespaces_list", "List all the Kubernetes namespaces in the current cluster", ""],
    [
      "pods_list",
      "List all the Kubernetes pods in the current cluster from all namespaces",
      "labelSelector?: Optional Kubernetes label selector (e.g. 'app=myapp,env=prod')",
    ],
    [
      "pods_list_in_namespace",
      "List all the Kubernetes pods in the specified namespace in the current cluster",
      "namespace: Namespace to list pods from; labelSelector?: Optional Kubernetes label selector",
    ],
    [
      "pods_get",
      "Get a Kubernetes Pod in the current or provided namespace with the provided name",
      "name: Name of the Pod; namespace?: Namespace to get the Pod from",
    ],
    [
      "pods_delete",
      "Delete a Kubernetes Pod in the current or provided namespace with the provided name",
      "name: Name of the Pod to delete; namespace?: Namespace to delete the Pod from",
    ],
    [
      "pods_top",
      "List the resource consumption (CPU and memory) as recorded by the Kubernetes Metrics Server for the specified Pods",
      "all_namespaces?!: List the consumption for Pods in all namespaces; namespace?: Namespace; name?: Name of the Pod",
    ],
    [
      "pods_exec",
      "Execute a command in a Kubernetes Pod in the current or provided namespace with the provided name and command",
      "name: Name of the Pod where the command will be executed; namespace?: Namespace of the Pod; command*: Command to execute in the Pod container; container?: Name of the Pod container",
    ],
    [
      "pods_log",
      "Get the logs of a Kubernetes Pod in the current or provided namespace with the provided name",
      "name: Name of the Pod to get the logs from; namespace?: Namespace to get the Pod logs from; container?: Name of the Pod container; tail?#: Number of lines to retrieve from the end of the logs; previous?!: Return previous terminated container logs",
    ],
    [
      "pods_run",
      "Run a Kubernetes Pod in the current or provided namespace with the provided container image and optional name",
      "image: Container image to run in the Pod; name?: Name of the Pod; namespace?: Namespace to run the Pod in; port?#: TCP/IP port to expose",
    ],
    [
      "nodes_log",
      "Get logs from a Kubernetes node (kubelet, kube-proxy, or other system logs)",
      "name: Name of the node; query: Query specifying services or files from which to return logs; tailLines?#: Number of lines to retrieve from the end",
    ],
    [
      "nodes_top",
      "List the resource consumption (CPU and memory) as recorded by the Kubernetes Metrics Server for the specified nodes",
      "name?: Name of the Node; label_selector?: Kubernetes label selector",
    ],
    [
      "resources_list",
      "List Kubernetes resources and objects in the current cluster by providing their apiVersion and kind",
      "apiVersion: apiVersion of the resources (examples: v1, apps/v1, networking.k8s.io/v1); kind: kind of the resources (examples: Pod, Service, Deployment, Ingress); namespace?: Optional Namespace",
    ],
    [
      "resources_get",
      "Get a Kubernetes resource in the current cluster by providing its apiVersion, kind, optionally the namespace, and its name",
      "apiVersion: apiVersion of the resource; kind: kind of the resource; namespace?: Optional Namespace; name: Name of the resource",
    ],
    [
      "resources_create_or_update",
      "Create or update a Kubernetes resource in the current cluster by providing a YAML or JSON representation of the resource",
      "resource: A JSON or YAML containing a representation of the Kubernetes resource",
    ],
    [
      "resources_delete",
      "Delete a Kubernetes resource in the current cluster by providing its apiVersion, kind, optionally the namespace, and its name",
      "apiVersion: apiVersion of the resource; kind: kind of the resource; namespace?: Optional Namespace; name: Name of the resource",
    ],
    [
      "resources_scale",
      "Get or update the scale of a Kubernetes resource in the current cluster by providing its apiVersion, kind, name, and optionally the namespace",
      "apiVersion: apiVersion of the resource (examples: apps/v1); kind: kind of the resource (examples: StatefulSet, Deployment); name: Name of the resource; scale?#: Optional scale to update the resources scale to",
    ],
    [
      "helm_install",
      "Install a Helm chart in the current or provided namespace",
      "chart: Chart reference to install; values?: Values to pass to the Helm chart; name?: Name of the Helm release; namespace?: Namespace to install the Helm chart in",
    ],
    [
      "helm_list",
      "List all the Helm releases in the current or provided namespace",
      "namespace?: Namespace to list Helm releases from; all_namespaces?!: List all Helm releases in all namespaces",
    ],
  ],
};
