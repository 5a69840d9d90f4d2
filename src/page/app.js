/** The operator's page: exchanges the code of its link for a token, and shows the gateway. */
