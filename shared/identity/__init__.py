"""Who people are: accounts, passwords, one-time codes, tokens. It never knows what they buy."""
