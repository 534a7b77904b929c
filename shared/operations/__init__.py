"""Operations of a person on a deployment, such as labels and exports. Functions never load them."""
