"""What is for sale, at which price, to which customer, and the page to pay on."""
